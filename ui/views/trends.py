"""Trends: how accurate the answers have been, day by day and version by version."""

from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from ui import measures, sentences
from ui.components import alone, charts, figures, tables
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas import Project

_SINCE = {"All time": None, "Last 30 days": 30, "Last 90 days": 90, "Last year": 365}
_TARGETS = (0.9, 0.95, 0.99)
_BUCKETS = {"By day": "day", "By week": "week"}


def page(session: Session) -> None:
    """The page."""
    st.title("Trends", anchor=False)
    if session.slug is None:
        st.info("Create a project first.")
        return
    project = session.api.project(session.slug)
    _over_time(session, project)
    _by_version(session, project)
    with guard(session):
        _alone(session, project)
    with guard(session):
        _of_serving(session, project)
    with st.container(border=True), guard(session):
        measures.drift(session, project)
    with guard(session):
        _ahead(session, project)


def _over_time(session: Session, project: Project) -> None:
    with st.container(border=True):
        heading, since, bucket = st.columns([3, 1.2, 1.2], vertical_alignment="center")
        heading.subheader("Accuracy over time", anchor=False)
        days = _SINCE[since.selectbox("Since", list(_SINCE), label_visibility="collapsed")]
        step = _BUCKETS[bucket.selectbox("Step", list(_BUCKETS), label_visibility="collapsed")]
        st.caption(
            f"Measured on the blind checks of each {step}, by what the version that served had answered before anybody "
            "saw the card. The bar is the 95 % interval; a new version is marked where it first served."
        )
        begin = None if days is None else datetime.now(UTC) - timedelta(days=days)
        rows = charts.days(session.api.accuracy(project.slug, begin, step))
        if not rows:
            st.info("No blind check has been answered in this time. The first ones come up in review by themselves.")
            return
        _drawn(rows, project.settings.get("target_accuracy"), step)
        _few(rows)
        _passed_over(rows)
        tables.behind(rows, f"{project.slug}-accuracy-by-{step}.csv")
        measures.behind_point(session, project, rows, step)


def _drawn(rows: list[dict[str, Any]], target: float | None, step: str) -> None:
    """A chart, as soon as there are two points to join."""
    if len(rows) > 1:
        charts.over_time(rows, target)
        return
    only = rows[0]
    says = f"on {sentences.count(only['blind_checks'], 'blind check')}; the chart begins with the second {step}"
    figures.figure(sentences.percent(only["accuracy"]), says)
    figures.band(only["accuracy"], only["low"], only["high"], target)


def _passed_over(rows: list[dict[str, Any]]) -> None:
    number = sum(row["passed_over"] for row in rows)
    if number:
        st.caption(
            f"{sentences.count(number, 'blind check')} of this time ended without an answer: skipped, flagged or in "
            "dispute. If the machine is wrong on these more often than on the others, the figures are too high."
        )


def _by_version(session: Session, project: Project) -> None:
    with st.container(border=True):
        st.subheader("Accuracy by version", anchor=False)
        st.caption(
            "Measured on the newest blind checks there were when the version was trained; it did not learn from them. "
            "The bar is the 95 % interval. Versions that serve no more are pale."
        )
        rows = charts.versions(session.api.versions(project.slug))
        if not rows:
            st.info("No version has been measured yet: blind checks and a first version come with the review.")
            return
        charts.by_version(rows, project.settings.get("target_accuracy"))
        _few(rows)
        tables.behind(rows, f"{project.slug}-accuracy-by-version.csv")


def _of_serving(session: Session, project: Project) -> None:
    """What the version that serves is like, on the blind checks it has not learnt from."""
    number = session.api.stats(project.slug).serving_model
    if not number:
        return
    checked = session.api.audited(project.slug, number)
    with st.container(border=True):
        measures.calibration(project, number, checked)
    with st.container(border=True):
        measures.categories(project, number, checked)


def _alone(session: Session, project: Project) -> None:
    with st.container(border=True):
        st.subheader("What could go without people", anchor=False)
        st.caption(
            "The share of items whose answers may be used unseen if so many of these are to be right, proven with 95 % "
            "certainty by the blind checks. What this project asks for is set in its settings."
        )
        own = project.settings.get("target_accuracy") or _TARGETS[0]
        found = {target: session.api.automation(project.slug, target) for target in sorted({*_TARGETS, own})}
        alone.side_by_side(list(found.values()))
        if found[own].by_category:
            with st.expander(f"Category by category, at {sentences.percent(own)} in each"):
                alone.by_category(found[own].by_category)


def _ahead(session: Session, project: Project) -> None:
    with st.container(border=True):
        st.subheader("What more decisions would bring", anchor=False)
        st.caption("Expected from how this project's own versions did on the same blind checks; the band holds 95 %.")
        with st.spinner("Looking ahead"):
            found = session.api.forecast(project.slug)
        if found.advice:
            st.write(sentences.own_words(found.advice) + ".")
        rows = [
            {
                "decisions": point.decisions,
                "accuracy": point.accuracy,
                "low": point.low,
                "high": point.high,
                "automation_share": point.automation_share,
            }
            for point in found.items
        ]
        if rows:
            charts.ahead(rows, project.settings.get("target_accuracy"))
            tables.behind(rows, f"{project.slug}-forecast.csv")


def _few(rows: list[dict[str, Any]]) -> None:
    if any(row["accuracy"] is None for row in rows):
        st.caption(f"Where there are fewer than {sentences.FEW_AUDITS} blind checks, only the interval is shown.")


page(current())
