"""The people's part of the Overview: their work by day, what it saved, how far they agree, what is ahead."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from ui import sentences
from ui.components import charts, figures, tables
from ui.frame import guard
from ui.session import Session
from winnow.schemas import Project
from winnow.schemas_accountability import Throughput

_DAYS = 30
_HOUR = 3600.0


def draw(session: Session, project: Project) -> None:
    """The sections below the figures of the moment; each stands without the others."""
    work = session.api.throughput(project.slug, _DAYS)
    left, right = st.columns([1.7, 1])
    with left.container(border=True, height="stretch"), guard(session):
        _by_day(project, work)
    with right.container(border=True, height="stretch"), guard(session):
        _saved(session, project, work)
    left, right = st.columns([1, 1])
    with left.container(border=True, height="stretch"), guard(session):
        _agreement(session, project)
    with right.container(border=True, height="stretch"), guard(session):
        _ahead(session, project)


def _by_day(project: Project, work: Throughput) -> None:
    st.subheader("Work by day", anchor=False)
    if not work.days:
        st.caption(f"Nobody has reviewed anything in the last {_DAYS} days.")
        return
    total = sum(one.decisions for one in work.days)
    people = len({one.reviewer for one in work.days})
    st.caption(
        f"{sentences.count(total, 'decision')} by {sentences.count(people, 'reviewer')} in {_DAYS} days (UTC). "
        "What was taken back is not counted."
    )
    rows = [{"day": one.day.isoformat(), "reviewer": one.reviewer, "decisions": one.decisions} for one in work.days]
    charts.work(rows, begin=datetime.now(UTC).date() - timedelta(days=_DAYS - 1))
    tables.behind(rows, f"{project.slug}-work.csv")


def _saved(session: Session, project: Project, work: Throughput) -> None:
    st.subheader("Time saved", anchor=False)
    stats = session.api.stats(project.slug)
    each = work.median_seconds
    open_items = stats.items.total - stats.items.decided
    spared = round((stats.automation.share or 0.0) * open_items)
    if each is None:
        figures.figure(sentences.NOTHING, below="No decision has been timed yet.")
        return
    figures.figure(
        sentences.duration(spared * each), below=f"for {sentences.count(spared, 'item')} that need no person"
    )
    st.caption(
        f"Assumes that each would take a reviewer {each:.1f} s, the median of the last {_DAYS} days, and that the "
        "share accepted unseen holds among the items nobody has decided."
    )
    for one in work.reviewers:
        st.caption(
            f"**{sentences.plain(one.reviewer)}**: {one.median_seconds:.1f} s a decision, "
            f"{_HOUR / one.median_seconds:,.0f} an hour"
        )


def _agreement(session: Session, project: Project) -> None:
    st.subheader("Agreement", anchor=False)
    found = session.api.agreement(project.slug)
    between = found.between
    if between.alpha is None or not between.items:
        figures.figure(
            sentences.NOTHING,
            below="No item has been answered by several people unseen by each other yet. Second looks bring them.",
        )
    else:
        low, high = sentences.percent(between.same_low), sentences.percent(between.same_high)
        figures.figure(
            sentences.percent(between.same / between.items),
            "answered alike",
            below=f"{between.same:,} of {between.items:,} items ({low} to {high}); Krippendorff's alpha "
            f"{between.alpha:.2f}, where 0 is what chance would give.",
        )
    for one in found.reviewers:
        own = one.with_self
        if own.repeats:
            st.caption(
                f"**{sentences.plain(one.reviewer)}** said the same again in {own.same} of {own.repeats} blind repeats"
            )


def _ahead(session: Session, project: Project) -> None:
    st.subheader("What lies ahead", anchor=False)
    found = session.api.forecast(project.slug)
    if found.advice:
        st.write(sentences.own_words(found.advice) + ".")
    for point in found.items[-1:]:
        low, high = sentences.percent(point.low), sentences.percent(point.high)
        figures.figure(
            sentences.percent(point.accuracy),
            f"expected at {point.decisions:,} decisions",
            below=f"between {low} and {high} with 95 % certainty",
        )
    st.page_link("views/trends.py", label="Trends", icon=":material/show_chart:")
