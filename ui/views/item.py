"""One item: its text and record, what the machine says and why, its whole history, and what is like it."""

import streamlit as st

from ui import bulk, erased, sentences
from ui.components import figures, history, tables, weighed
from ui.components.listing import short
from ui.session import Session, current
from winnow import NotFound
from winnow.schemas import Item, Project

_NEIGHBOUR = 140


def page(session: Session) -> None:
    """The page."""
    item_id = st.query_params.get("item")
    if session.slug is None or not item_id:
        st.title("Item", anchor=False)
        st.info("Open an item from Explore; its address can be shared.")
        st.page_link("views/explore.py", label="Go to Explore", icon=":material/search:")
        return
    project = session.api.project(session.slug)
    try:
        with st.spinner("Looking for reasons"):
            item = session.api.item(project.slug, item_id)
    except NotFound:
        st.title("Item", anchor=False)
        st.info(
            f"The project {sentences.plain(project.name)} has no item {sentences.plain(item_id)}: "
            "it may have been erased."
        )
        return
    st.title(f"Item {sentences.plain(item.external_id or item.id)}", anchor=False)
    bulk.last(session, project)
    left, right = st.columns([1.7, 1])
    with left.container(border=True):
        weighed.draw(item.text, item.words)
        extra = sentences.extra_fields(item.text, item.fields, item.external_id)
        if extra:
            tables.record(extra)
        if item.field_weights:
            st.caption(sentences.fields_that_weigh(item.field_weights))
    with right.container(border=True):
        _answer(item)
        _decide(session, project, item)
    with st.container(border=True):
        st.subheader("History", anchor=False)
        history.draw(item.decisions)
    with st.container(border=True):
        _alike(project, item)


def _answer(item: Item) -> None:
    if item.category:
        figures.figure(item.category, below="decided" if item.state == "decided" else f"decided, and {item.state}")
    else:
        figures.figure(sentences.NOTHING, below=f"{item.state}")
    said = item.prediction
    if said is None or said.category is None:
        st.caption("There is no prediction yet.")
        return
    version = f"version {said.model_version}" if said.model_version else "the categories' names alone"
    st.markdown(
        f"Predicted **{sentences.plain(said.category)}**, {sentences.percent(said.confidence)} sure, by {version}"
    )
    figures.shares({one.category: one.confidence for one in said.top[:5]})


def _decide(session: Session, project: Project, item: Item) -> None:
    names = [one.name for one in project.categories if not one.archived]
    index = names.index(item.category) if item.category in names else 0
    picked = st.selectbox("It is", names, index=index if names else None)
    with st.container(horizontal=True):
        st.button(
            "Decide", type="primary", disabled=not picked, on_click=bulk.decide, args=(session, project, [item], picked)
        )
        st.button("Flag", on_click=bulk.decide, args=(session, project, [item], None))
        if session.manages and st.button("Erase …", type="tertiary", icon=":material/delete:"):
            erased.confirm(session, project.slug, item.id)


def _alike(project: Project, item: Item) -> None:
    st.subheader("Decided, and alike", anchor=False)
    if not item.neighbours:
        st.caption("Nothing is decided yet that could be compared.")
    for one in item.neighbours:
        text, link = st.columns([5, 1], vertical_alignment="center")
        text.markdown(f"**{sentences.plain(one['category'])}** · {sentences.likeness(one['similarity'])}")
        text.text(short(one["text"], _NEIGHBOUR))
        to = {"project": project.slug, "item": one["item_id"]}
        link.page_link("views/item.py", label="Open", icon=":material/open_in_new:", query_params=to)
    st.page_link(
        "views/explore.py",
        label="All items, the most alike first",
        icon=":material/search:",
        query_params={"project": project.slug, "like": item.id},
    )


page(current())
