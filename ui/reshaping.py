"""Changing a category on the page Categories: what it would mean, the button that does it, the way back."""

from typing import Any

import streamlit as st

from ui import sentences
from ui.frame import guard
from ui.session import Session
from winnow.schemas import Category, Item, Project
from winnow.schemas_categories import CategoryChange, Guideline

_LAST = "category-last"
_TOP = "At the top"
_WAYS = ("Rename or describe", "Move", "Merge", "Split", "Archive")
_PICKABLE = 200
_HISTORY = 20
_LONGEST = 110


def draw(session: Session, project: Project, found: Guideline) -> None:
    """The ways to change a category."""
    with st.container(border=True):
        st.subheader("Change it", anchor=False)
        way = st.selectbox("What to do", _WAYS, key=f"way-{found.category.id}")
        wanted = _WANTED[way](session, project, found.category)
        if wanted is None:
            return
        kind, given = wanted
        effect = session.api.change_category(project.slug, found.category.id, kind, dry_run=True, **given).effect
        if not effect.says:
            st.caption("Nothing differs yet.")
            return
        st.markdown("**This is what it will mean**")
        st.markdown("\n".join(f"- {sentences.plain(sentences.own_words(sentence))}." for sentence in effect.says))
        known = f"Known to {sentences.count(len(effect.versions), 'version')}." if effect.versions else ""
        st.caption(f"{sentences.count(effect.decisions, 'decision')} have it now. {known} It can be taken back.")
        st.button(
            f"{way} {sentences.plain(found.category.name)}" if way in {"Merge", "Split", "Archive", "Move"} else "Save",
            type="primary",
            on_click=_make,
            args=(session, project, found.category, kind, given),
        )


def last(session: Session, project: Project) -> None:
    """What was changed last, and the way back."""
    slug, change_id, said = st.session_state.get(_LAST, ("", "", ""))
    if slug != project.slug:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check: {said}")
        st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_undo, args=(session, project, change_id))


def history(session: Session, project: Project) -> None:
    """What was done to the categories, newest first, each with its way back."""
    with st.expander("What was changed so far"):
        names = {one.id: one.name for one in project.categories}
        shown = False
        for one, _ in zip(session.api.category_changes(project.slug), range(_HISTORY), strict=False):
            shown = True
            told, back = st.columns([6, 1], vertical_alignment="center")
            called = names.get(one.category_id, "A category")
            when = f"{one.created_at:%d %b %Y}" if one.created_at else ""
            told.markdown(
                f"**{sentences.plain(called)}**, "
                f"{sentences.plain(_kind(one, names))}, by {sentences.plain(one.by)}, {when}"
            )
            if one.undone_by:
                told.caption(f"Taken back by {sentences.plain(one.undone_by)}.")
                continue
            back.button(
                "Take back", key=f"back-{one.id}", type="tertiary", on_click=_undo, args=(session, project, one.id)
            )
        if not shown:
            st.caption("Nothing yet.")


def _kind(one: CategoryChange, names: dict[str, str]) -> str:
    if one.kind == "merge":
        return f"merged into {names.get(str(one.after.get('into_id')), 'another')}"
    if one.kind == "split":
        return f"split: {names.get(str(one.after.get('new_id')), 'a new one')} came of it"
    if "archived" in one.after:
        return "archived" if one.after["archived"] else "taken out of the archive"
    if "name" in one.after:
        return f"called {one.before.get('name')} before"
    return "moved" if "parent_id" in one.after else "described anew"


def _edit(_session: Session, _project: Project, category: Category) -> tuple[str, dict[str, Any]] | None:
    name = st.text_input("Name", category.name, key=f"name-{category.id}")
    words = st.text_area("What belongs there", category.description, key=f"words-{category.id}")
    if not name.strip():
        st.error("Give the category a name.")
        return None
    return "edit", {"name": name.strip(), "description": words.strip()}


def _move(_session: Session, project: Project, category: Category) -> tuple[str, dict[str, Any]] | None:
    others = {one.id: one.name for one in project.categories if not one.archived and one.id != category.id}
    ids = ["", *others]
    index = ids.index(category.parent_id) if category.parent_id in others else 0
    picked = st.selectbox(
        "Where it stands", ids, index=index, format_func=lambda one: f"Below {others[one]}" if one else _TOP
    )
    return "edit", {"parent_id": picked or None}


def _merge(_session: Session, project: Project, category: Category) -> tuple[str, dict[str, Any]] | None:
    others = {one.id: one.name for one in project.categories if not one.archived and one.id != category.id}
    picked = st.selectbox("Into", list(others), index=None, format_func=lambda one: others.get(one, one))
    return None if picked is None else ("merge", {"into_id": picked})


def _split(session: Session, project: Project, category: Category) -> tuple[str, dict[str, Any]] | None:
    name = st.text_input("Name of the new category", key=f"new-{category.id}")
    words = st.text_input("What belongs there", key=f"new-words-{category.id}")
    like = st.text_input("Show first what is like", key=f"like-{category.id}", placeholder="forgotten passwords")
    items = _decided(session, project, category, like.strip())
    chosen = st.dataframe(
        [{"Item": " ".join(one.text.split())[:_LONGEST]} for one in items],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"split-{category.id}-{like}",
    )
    picked = [items[row].id for row in chosen.selection.rows if row < len(items)]
    ask = st.number_input("Ask people about so many of the others", 0, 900, 50, key=f"ask-{category.id}")
    if not name.strip() or not picked:
        st.caption("Give the new category a name, and tick the items that go to it.")
        return None
    return "split", {"name": name.strip(), "description": words.strip(), "item_ids": picked, "ask": int(ask)}


def _archive(_session: Session, _project: Project, _category: Category) -> tuple[str, dict[str, Any]] | None:
    return "edit", {"archived": True}


def _decided(session: Session, project: Project, category: Category, like: str) -> list[Item]:
    page = session.api.items_page(
        project.slug, limit=_PICKABLE, category=category.name, state="decided", like=like or None
    )
    return page.items


_WANTED = dict(zip(_WAYS, (_edit, _move, _merge, _split, _archive), strict=True))


def _make(session: Session, project: Project, category: Category, kind: str, given: dict[str, Any]) -> None:
    with guard(session):
        made = session.api.change_category(project.slug, category.id, kind, **given)
        if made.id is not None:
            st.session_state[_LAST] = (project.slug, made.id, f"{sentences.plain(category.name)} is changed.")


def _undo(session: Session, project: Project, change_id: str) -> None:
    with guard(session):
        session.api.undo_category_change(project.slug, change_id)
        st.session_state.pop(_LAST, None)
