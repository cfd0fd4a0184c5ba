"""Categories: what each is, by what people decided, on an address that can be shared; and for managers, changing it."""

import streamlit as st

from ui import reshaping, sentences
from ui.session import Session, current
from winnow.schemas import Category, Project
from winnow.schemas_categories import Guideline, GuidelineExample, GuidelineQuestion

_KINDS = {
    "flagged": ("flag", "flagged it"),
    "disputed": ("forum", "said so; others did not"),
    "note": ("sticky_note_2", "noted"),
}


def page(session: Session) -> None:
    """The page."""
    st.title("Categories", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    project = session.api.project(session.slug)
    in_use = [one for one in project.categories if not one.archived]
    if not in_use:
        st.info("This project has no categories yet. Add them under Projects.")
        return
    chosen = _chosen(in_use)
    reshaping.last(session, project)
    left, right = st.columns([1.7, 1])
    with st.spinner("Looking through the decisions"):
        found = session.api.guideline(project.slug, chosen.id)
    with left:
        _guideline(project, found)
    with right:
        if session.manages:
            reshaping.draw(session, project, found)
        else:
            st.caption("Managers can rename, move, merge and split categories here.")
    if session.manages:
        reshaping.history(session, project)


def _chosen(in_use: list[Category]) -> Category:
    """The category of the address, else the first."""
    by_id = {one.id: one for one in in_use}
    ids = list(by_id)
    wanted = st.query_params.get("category")
    picked = st.selectbox(
        "Category",
        ids,
        index=ids.index(wanted) if wanted in by_id else 0,
        format_func=lambda one: by_id[one].name if one in by_id else one,
        label_visibility="collapsed",
    )
    chosen = by_id[picked or ids[0]]
    if wanted != chosen.id:
        st.query_params["category"] = chosen.id
    return chosen


def _guideline(project: Project, found: Guideline) -> None:
    with st.container(border=True):
        st.subheader(sentences.plain(" / ".join([*found.above, found.category.name])), anchor=False)
        about = found.category.description
        st.markdown(sentences.plain(about) if about else "_Nothing is written about it yet._")
        if found.below:
            st.caption(f"Below it: {', '.join(sentences.plain(one.name) for one in found.below)}.")
        st.caption(f"{sentences.count(found.decided, 'item')} decided. The address of this page can be shared.")
    _examples(project, "Typical", "From the middle of what was decided so.", found.typical, against=False)
    _examples(
        project,
        "Not this",
        "Somebody or the system took these for it, and they are something else.",
        found.near_misses,
        against=True,
    )
    _questions(project, found.questions)


def _examples(project: Project, title: str, says: str, examples: list[GuidelineExample], *, against: bool) -> None:
    with st.container(border=True):
        st.subheader(title, anchor=False)
        if not examples:
            st.caption("None yet: they come with the decisions.")
            return
        st.caption(says)
        for one in examples:
            text, link = st.columns([6, 1], vertical_alignment="center")
            text.text(sentences.short(one.text))
            if against:
                text.markdown(f":material/arrow_forward: It is **{sentences.plain(' and '.join(one.categories))}**.")
            if one.note:
                text.caption(f"“{sentences.plain(one.note)}”")
            _open(link, project, one.item_id)


def _questions(project: Project, questions: list[GuidelineQuestion]) -> None:
    with st.container(border=True):
        st.subheader("Open questions and notes", anchor=False)
        if not questions:
            st.caption("None. Notes that people leave with an answer, flags and disputes appear here.")
        for one in questions:
            text, link = st.columns([6, 1], vertical_alignment="center")
            icon, did = _KINDS.get(one.kind, ("help", one.kind))
            note = f": “{sentences.plain(one.note)}”" if one.note else ""
            text.markdown(f":material/{icon}: {sentences.plain(one.who)} {did}{note}")
            text.caption(sentences.plain(sentences.short(one.text)))
            _open(link, project, one.item_id)


def _open(place: st.delta_generator.DeltaGenerator, project: Project, item_id: str) -> None:
    to = {"project": project.slug, "item": item_id}
    place.page_link("views/item.py", label="Open", icon=":material/open_in_new:", query_params=to)


page(current())
