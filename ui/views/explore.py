"""Explore: all items, by words, meaning, category, state, confidence, reviewer and time; as a list or as a map."""

from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from ui import bulk
from ui.components import cloud, listing
from ui.session import Session, current
from winnow.calls.data import ItemFilters
from winnow.schemas import Project

_PAGE = 50
_ANY = "Any"
_STATES = {_ANY: None, "Undecided": "undecided", "Decided": "decided", "Flagged": "flagged", "Disputed": "disputed"}
_SORTS = {
    "Newest first": None,
    "Surest first": "-confidence",
    "Least sure first": "confidence",
}
_VIEWS = ["List", "Map"]
_ALL = 100  # percent
_MOST_TOGETHER = 200


def page(session: Session) -> None:
    """The page."""
    heading, shown = st.columns([4, 1], vertical_alignment="bottom")
    heading.title("Explore", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    project = session.api.project(session.slug)
    view = shown.segmented_control(
        "Show as", _VIEWS, default=_VIEWS[0], key="view", bind="query-params", label_visibility="collapsed"
    )
    if view == "Map":
        _map(session, project)
    else:
        _list(session, project)


def _list(session: Session, project: Project) -> None:
    filters = _filters(project)
    bulk.last(session, project)
    cursors: list[str | None] = st.session_state.setdefault("explore-cursors", [None])
    if st.session_state.get("explore-filters") != (project.slug, filters):
        st.session_state["explore-filters"] = (project.slug, filters)
        cursors[:] = [None]
    found = session.api.items_page(project.slug, cursor=cursors[-1], **filters)
    if not found.items:
        st.info("Nothing matches. Loosen a filter.")
        return
    chosen = listing.draw(found.items, key=f"explore-{len(cursors)}")
    _turn(cursors, found.next_cursor)
    if not chosen:
        st.caption("Tick rows to open or decide them.")
        return
    bulk.bar(session, project, chosen)


def _filters(project: Project) -> ItemFilters:
    words, meaning, category, state = st.columns([2, 2, 1.6, 1.4])
    q = words.text_input("Words", key="q", bind="query-params", placeholder="profit warning")
    like = meaning.text_input(
        "Meaning",
        key="like",
        bind="query-params",
        placeholder="a company earns less than it hoped",
        help="The nearest in meaning come first. An item's number finds what is like that item.",
    )
    names = [_ANY, *(one.name for one in project.categories if not one.archived)]
    chosen = category.selectbox("Category", names, key="category", bind="query-params")
    stands = state.selectbox("State", list(_STATES), key="state", bind="query-params")
    with st.expander("More filters"):
        sure, reviewer, decided, order = st.columns([2, 1.5, 2, 1.6])
        low, high = sure.slider("Confidence", 0, _ALL, (0, _ALL), format="%d %%", key="sure", bind="query-params")
        who = reviewer.text_input("Decided by", key="reviewer", bind="query-params", placeholder="name")
        days = decided.date_input("Decided between", value=[], key="decided", format="YYYY-MM-DD")
        sort = order.selectbox("Order", list(_SORTS), key="sort", bind="query-params", disabled=bool(like))
    since, until = _bounds(days)
    return ItemFilters(
        limit=_PAGE,
        q=(q or "").strip() or None,
        like=(like or "").strip() or None,
        category=None if chosen == _ANY else chosen,
        state=_STATES[stands or _ANY],
        min_confidence=low / _ALL if low > 0 else None,
        max_confidence=high / _ALL if high < _ALL else None,
        reviewer=(who or "").strip() or None,
        since=since,
        until=until,
        sort=None if like else _SORTS[sort or "Newest first"],
    )


def _bounds(days: object) -> tuple[datetime | None, datetime | None]:
    """The first and the last day as moments: the last day is looked at to its end."""
    picked = [one for one in days if isinstance(one, date)] if isinstance(days, tuple) else []
    if not picked:
        return None, None
    begin, end = (datetime.combine(day, time(), UTC) for day in (picked[0], picked[-1]))
    return begin, end + timedelta(days=1)


def _turn(cursors: list[str | None], next_cursor: str | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Back", icon=":material/chevron_left:", disabled=len(cursors) == 1):
            cursors.pop()
            st.rerun()
        if st.button("Next", icon=":material/chevron_right:", disabled=next_cursor is None):
            cursors.append(next_cursor)
            st.rerun()
        st.caption(f"Page {len(cursors)}")


def _map(session: Session, project: Project) -> None:
    with st.spinner("Laying the items out"):
        found = session.api.map(project.slug)
    if not found.items:
        st.info("There is nothing to lay out yet: items appear as soon as they have been read.")
        return
    colour = st.segmented_control(
        "Colour by", cloud.COLOURS, default=cloud.COLOURS[0], key="colour", bind="query-params"
    )
    inside = cloud.draw(found.items, colour or cloud.COLOURS[0], key=f"map-{project.slug}")
    st.caption(
        f"{_drawn(len(found.items), found.total)} Near each other means alike. Drag across a cloud to choose it."
    )
    if inside:
        _review_cloud(session, project, [one.item_id for one in inside])


def _drawn(shown: int, total: int) -> str:
    return f"All {total:,} items." if shown == total else f"{shown:,} of {total:,} items, drawn at random."


def _review_cloud(session: Session, project: Project, ids: list[str]) -> None:
    taken = ids[:_MOST_TOGETHER]
    label = (
        f"Look {len(taken)} of them over together" if len(taken) < len(ids) else f"Look these {len(ids)} over together"
    )
    if st.button(label, icon=":material/grid_view:", type="primary"):
        session.chosen[project.slug] = tuple(taken)
        st.switch_page("views/together.py", query_params={"project": project.slug})


page(current())
