"""Many at once: groups of like items, settled with one look and one key."""

import streamlit as st

from ui.components import piles
from ui.frame import guard
from ui.groups import Table
from ui.session import Session, current
from winnow.schemas import Project

_ANY = "All categories"
_SURE = {"Any confidence": 0.0, "50 % or more": 0.5, "70 % or more": 0.7, "90 % or more": 0.9}
_STARTS = 1


def page(session: Session) -> None:
    """The page."""
    if session.slug is None:
        st.title("Many at once", anchor=False)
        st.info("Create a project first; its groups appear here.")
        return
    project = session.api.project(session.slug)
    if project.settings.get("reviews_per_item", 1) > 1:
        st.title("Many at once", anchor=False)
        st.info("Several people answer each item of this project, none in sight of another: card by card, in Review.")
        return
    title, category, sure = st.columns([3, 2, 1.6], vertical_alignment="bottom")
    title.title("Many at once", anchor=False)
    table = Table(project.slug, chosen=session.chosen.get(project.slug, ()))
    if table.chosen:
        sure.button("All groups again", width="stretch", on_click=session.chosen.clear)
    else:
        names = [_ANY, *(one.name for one in project.categories if not one.archived)]
        picked = category.selectbox("Category", names)
        table.category = None if picked == _ANY else picked
        table.min_confidence = _SURE[sure.selectbox("Confidence", list(_SURE), index=_STARTS)]
    name = f"groups-{project.slug}-{table.category}-{table.min_confidence}-{hash(table.chosen)}"
    st.caption(
        "Alike and answered alike: untick what does not belong, accept the rest. Each item becomes a decision of its "
        "own. Items that are kept for blind checks, or that somebody has a card of, are never here."
    )
    _groups(session, project, name, session.tables.setdefault(name, table))


@st.fragment
def _groups(session: Session, project: Project, name: str, table: Table) -> None:
    with guard(session):
        outcomes = table.serve(session.api, piles.sent(name))
        piles.draw(
            name,
            {
                "user": session.person.username,
                "project": project.slug,
                "which": name,
                "categories": [{"name": one.name} for one in project.categories if not one.archived],
                "batch": table.batch,
                "outcomes": outcomes,
                "trouble": table.trouble,
            },
        )


page(current())
