"""Deciding ticked items together, outside the queue: each by a decision of its own, all taken back together."""

import uuid
from collections.abc import Sequence

import streamlit as st

from ui import sentences
from ui.frame import guard
from ui.session import Session
from winnow.schemas import Item, Project

_LAST = "bulk-last"
_FLAG = "flag"


def bar(session: Session, project: Project, items: Sequence[Item]) -> None:
    """What may be done with the ticked items."""
    many = sentences.count(len(items), "item")
    names = [one.name for one in project.categories if not one.archived]
    with st.container(border=True):
        told, category, deciding, flagging, opening = st.columns([1.2, 2, 1.3, 1, 1], vertical_alignment="bottom")
        told.markdown(f"**{many}** ticked")
        picked = category.selectbox("They are", names, key="bulk-category")
        deciding.button(
            f"Decide {many}",
            type="primary",
            width="stretch",
            disabled=not picked,
            on_click=decide,
            args=(session, project, items, str(picked)),
        )
        flagging.button("Flag", width="stretch", on_click=decide, args=(session, project, items, None))
        if opening.button("Open", width="stretch", disabled=len(items) != 1, help="One item with its whole history."):
            st.switch_page("views/item.py", query_params={"project": project.slug, "item": items[0].id})


def decide(session: Session, project: Project, items: Sequence[Item], category: str | None) -> None:
    """Sends the decisions, for use as a callback; without a category the items are flagged."""
    key = uuid.uuid4().hex
    decisions = [
        {
            "item_id": item.id,
            "action": "correct" if category else _FLAG,
            "categories": [category] if category else [],
            "idempotency_key": f"{key}-{item.id}",
            **_shown(item),
        }
        for item in items
    ]
    with guard(session):
        results = session.api.decide_many(project.slug, decisions)
        stored = [one.id for one in results if one.id]
        refused = [one for one in results if one.status == "failed"]
        what = f"decided as {sentences.plain(category)}" if category else "flagged"
        done = f"{sentences.count(len(stored), 'item')} {what}."
        if refused:
            why = next((one.error.detail for one in refused if one.error), "")
            done += f" {sentences.count(len(refused), 'item')} not taken: {why}"
        st.session_state[_LAST] = (project.slug, stored, done)


def _shown(item: Item) -> dict[str, object]:
    """What the machine says stood in the table."""
    said = item.prediction
    if said is None or said.category is None or said.confidence is None:
        return {}
    seen = {"category": said.category, "confidence": said.confidence, "model_version": said.model_version or 0}
    return {"shown": seen}


def last(session: Session, project: Project) -> None:
    """What was done last, and the way back."""
    slug, ids, said = st.session_state.get(_LAST, ("", [], ""))
    if slug != project.slug:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/check: {said}")
        if ids and st.button("Take back", icon=":material/undo:", type="tertiary"):
            failed = [one for one in session.api.undo_many(slug, ids) if one.status == "failed"]
            why = next((one.error.detail for one in failed if one.error), "")
            st.session_state[_LAST] = (slug, [], f"Taken back.{f' Not all: {why}' if failed else ''}")
            st.rerun()
