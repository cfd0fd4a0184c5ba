"""Second looks: likely errors, contradictions and flagged items, to be settled one by one; and what fits nothing."""

import streamlit as st

from ui import newcomers, settling
from ui.session import Session, current
from winnow.schemas import Project
from winnow.schemas_insight import Stats

_ERRORS, _DISPUTES, _FLAGGED, _NEW = "Likely errors", "Disputes", "Flagged", "Fits nothing"


def page(session: Session) -> None:
    """The page."""
    st.title("Second looks", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    project = session.api.project(session.slug)
    shown = _tab(session.api.stats(project.slug))
    settling.last(session, project)
    _TABS[shown](session, project)


def _tab(stats: Stats) -> str:
    counts = {_DISPUTES: stats.items.disputed, _FLAGGED: stats.items.flagged}
    picked: str | None = st.segmented_control(
        "Show",
        list(_TABS),
        default=_ERRORS,
        key="look",
        bind="query-params",
        format_func=lambda name: f"{name} ({counts[name]:,})" if counts.get(name) else name,
        label_visibility="collapsed",
    )
    return picked or _ERRORS


def _errors(session: Session, project: Project) -> None:
    st.caption(
        "Decisions that look wrong beside the others, the likeliest first. Nothing is changed by itself, and blind "
        "checks are never among them. What you keep or change is not asked here again."
    )
    settling.errors(session, project)


def _disputes(session: Session, project: Project) -> None:
    st.caption(
        "Items that several people answered without sight of each other, and differently. Nothing is learnt from them "
        "until you say what they are."
    )
    if not settling.disputes(session, project, session.api.disputes(project.slug)):
        several = (project.settings.get("reviews_per_item") or 1) > 1
        st.info(
            "No answers contradict each other."
            if several
            else "One person answers each item of this project. With the setting reviews_per_item above 1 several do, "
            "and where they differ you decide here."
        )


def _flagged(session: Session, project: Project) -> None:
    st.caption(
        "Items that somebody flagged instead of answering, with the notes. Nobody is asked about them meanwhile."
    )
    if not settling.disputes(session, project, session.api.flagged(project.slug)):
        st.info("Nothing is flagged.")


def _new(session: Session, project: Project) -> None:
    st.caption("Items that nobody has decided, that are like each other and like nothing in the categories so far.")
    newcomers.draw(session, project)


_TABS = {_ERRORS: _errors, _DISPUTES: _disputes, _FLAGGED: _flagged, _NEW: _new}

page(current())
