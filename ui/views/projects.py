"""Projects: choose one, make one, and look after its categories."""

from typing import Any

import streamlit as st

from ui import sentences
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas import Project

_FEWEST = 2
_NAMED = 8
_LEAST_TARGET, _MOST_TARGET = 0.8, 0.99
_LEAST_EVERY = 5


def page(session: Session) -> None:
    """The page."""
    st.title("Projects", anchor=False)
    projects = session.api.projects()
    if session.manages:
        with st.expander("New project", icon=":material/add:", expanded=not projects):
            _create(session)
    elif not projects:
        st.info("There is no project yet. A manager can make one.")
    for project in projects:
        with st.container(border=True):
            _project(session, project)


def _project(session: Session, project: Project) -> None:
    name, doing = st.columns([5, 1], vertical_alignment="center")
    active = [category for category in project.categories if not category.archived]
    with name:
        st.subheader(sentences.plain(project.name), anchor=False)
        names = ", ".join(sentences.plain(category.name) for category in active[:_NAMED])
        more = f" and {len(active) - _NAMED} more" if len(active) > _NAMED else ""
        st.caption(
            f"{sentences.count(len(active), 'category', 'categories')}: {names}{more}"
            if active
            else "No categories yet"
        )
    with doing:
        here = project.slug == session.slug
        if st.button("Chosen" if here else "Choose", key=f"choose-{project.slug}", disabled=here, width="stretch"):
            session.slug = project.slug
            st.query_params["project"] = project.slug
            st.rerun()
    with st.expander("Categories and what they mean"):
        st.dataframe(
            [
                {"Category": one.name, "What belongs there": one.description, "Key": one.shortcut or ""}
                for one in active
            ],
            hide_index=True,
        )
        if session.manages:
            _add_category(session, project)
    if session.manages:
        with st.expander("Settings"), guard(session):
            _change_settings(session, project)


def _add_category(session: Session, project: Project) -> None:
    with st.form(f"add-{project.slug}", clear_on_submit=True, border=False):
        name, description, button = st.columns([2, 4, 1], vertical_alignment="bottom")
        called = name.text_input("New category")
        meaning = description.text_input("What belongs there")
        if button.form_submit_button("Add", width="stretch"):
            if called.strip():
                session.api.add_category(project.slug, called.strip(), description=meaning.strip())
                st.rerun()
            st.error("Give the category a name.")


def _create(session: Session) -> None:
    st.caption("A good description lets the first predictions be right before anybody has decided anything.")
    with st.form("new-project", border=False):
        name = st.text_input("Name", placeholder="Support tickets")
        lines = st.text_area(
            "Categories, one a line: the name, a colon, and what belongs there",
            placeholder="Billing: invoices, charges, refunds\nLogin: passwords and signing in",
            height=180,
        )
        with st.expander("Settings"):
            settings = _settings(_as_fields({}), "new")
        wanted = st.form_submit_button("Create project", type="primary")
    if not wanted:
        return
    categories = _categories(lines)
    if not name.strip() or len(categories) < _FEWEST:
        st.error("Give the project a name and at least two categories.")
        return
    project = session.api.create_project(name.strip(), categories=categories, settings=settings)
    session.slug = project.slug
    st.query_params["project"] = project.slug
    st.switch_page("views/load.py", query_params={"project": project.slug})


def _as_fields(now: dict[str, Any]) -> dict[str, Any]:
    """What the fields of the settings show: a value beyond their range as its nearest end."""
    return {
        "target_accuracy": min(max(float(now.get("target_accuracy", 0.95)), _LEAST_TARGET), _MOST_TARGET),
        "retrain_every": max(int(now.get("retrain_every", 20)), _LEAST_EVERY),
        "audit_rate": float(now.get("audit_rate", 0.1)),
        "reviews_per_item": int(now.get("reviews_per_item", 1)),
        "promotion": now.get("promotion", "automatic"),
    }


def _settings(shown: dict[str, Any], key: str) -> dict[str, Any]:
    """The fields of a project's settings, and what they say."""
    target, audits = shown["target_accuracy"], shown["audit_rate"]
    every, people = shown["retrain_every"], shown["reviews_per_item"]
    by_hand = shown["promotion"] == "manual"
    says = "Accuracy that automatic answers must have"
    target = st.slider(says, _LEAST_TARGET, _MOST_TARGET, target, 0.01, format="percent", key=f"target-{key}")
    says = "Train a new version after this many decisions"
    every = st.number_input(says, _LEAST_EVERY, 1_000_000, every, key=f"every-{key}")
    says = "Share of cards that are blind checks"
    audits = st.slider(says, 0.0, 0.5, audits, 0.05, format="percent", key=f"audits-{key}")
    says = "People who answer each item, none in sight of the others"
    people = st.number_input(says, 1, 10, people, key=f"people-{key}")
    by_hand = st.checkbox("Versions serve only when somebody promotes them", by_hand, key=f"by-hand-{key}")
    return {
        "target_accuracy": target,
        "retrain_every": int(every),
        "audit_rate": audits,
        "reviews_per_item": int(people),
        "promotion": "manual" if by_hand else "automatic",
    }


def _change_settings(session: Session, project: Project) -> None:
    shown = _as_fields(project.settings)
    with st.form(f"settings-{project.slug}", border=False):
        wanted = _settings(shown, project.slug)
        if st.form_submit_button("Save settings"):
            changed = {name: value for name, value in wanted.items() if value != shown[name]}
            if changed:
                session.api.update_project(project.slug, settings=changed)
            st.success("The settings are saved." if changed else "Nothing differs.")


def _categories(lines: str) -> list[dict[str, str]]:
    """Names and descriptions; the first colon of a line parts them, empty lines say nothing."""
    parted = (line.partition(":") for line in lines.splitlines())
    return [{"name": name.strip(), "description": text.strip()} for name, _, text in parted if name.strip()]


page(current())
