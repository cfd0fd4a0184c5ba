"""Charts of accuracy, always with their intervals and the target. Their own menu saves them as a picture."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import altair as alt
import streamlit as st

from ui import sentences
from ui.components.figures import accent
from winnow.schemas_insight import HonestAccuracy, Version

_HEIGHT = 300
_GREY = "#8a8d83"
_MARGIN = {"left": 0, "top": 8, "bottom": 0, "right": 8}
_PERCENT = "round(datum.value * 100) + ' %'"
_LOW = 220
# Told apart also by those who do not see red and green.
_PEOPLE = ["#2e7d5b", "#e69f00", "#0072b2", "#cc79a7", "#7a5195", "#d55e00", "#56b4e9", "#8c6d31"]
_ONE_MARK = 60  # points squared
Row = Mapping[str, Any]


def days(points: Sequence[HonestAccuracy]) -> list[dict[str, Any]]:
    """One row a day or week; `accuracy` is None where the blind checks are too few for one figure."""
    return [
        {
            "at": point.at.isoformat() if point.at else None,
            "version": point.model_version or 0,
            "accuracy": None if point.audited < sentences.FEW_AUDITS else point.accuracy,
            "low": point.low,
            "high": point.high,
            "blind_checks": point.audited,
            "passed_over": point.passed_over,
        }
        for point in points
    ]


def versions(found: Sequence[Version]) -> list[dict[str, Any]]:
    """One row a version that was measured, oldest first."""
    rows = []
    for version in sorted(found, key=lambda one: one.version):
        metrics = version.metrics
        if metrics is None or metrics.accuracy is None or not isinstance(metrics.measured_on, int):
            continue
        rows.append(
            {
                "version": version.version,
                "status": version.status,
                "accuracy": None if metrics.measured_on < sentences.FEW_AUDITS else metrics.accuracy,
                "low": metrics.accuracy_low,
                "high": metrics.accuracy_high,
                "blind_checks": metrics.measured_on,
                "passed_over": metrics.passed_over,
                "decisions": version.trained_on.decisions,
                "calibration_error": metrics.calibration_error,
            }
        )
    return rows


def over_time(rows: Sequence[Row], target: float | None) -> None:
    """Accuracy by day or week, one line a version; a version's first point is marked as its promotion."""
    base = alt.Chart({"values": list(rows)})
    at = alt.X("at:T", title=None, axis=alt.Axis(format="%d %b", tickCount=min(8, len(rows)), labelFlush=False))
    first = _firsts(rows)
    marks = alt.Chart({"values": first})
    layers = [
        base.mark_area(color=accent(), opacity=0.14).encode(
            x=at, y=_y("low:Q", _scale(rows, target)), y2="high:Q", detail="version:N"
        ),
        *_points(base, at, rows, target),
        marks.mark_rule(color=_GREY, strokeDash=[2, 4]).encode(x=at),
        marks.mark_text(align="left", dx=5, dy=10, baseline="top", color=_GREY).encode(
            x=at, y=alt.value(0), text="mark:N"
        ),
        *_goal(target),
    ]
    _show(layers, "Accuracy on blind checks over time, with its interval and the target")


def by_version(rows: Sequence[Row], target: float | None) -> None:
    """Accuracy of each version on the blind checks it had not learnt from; the one that serves is filled."""
    base = alt.Chart({"values": list(rows)})
    number = alt.X("version:O", title="Version", axis=alt.Axis(labelAngle=0, labelOverlap=True))
    _show([*_points(base, number, rows, target), *_goal(target)], "Accuracy of each version, with its interval")


def ahead(rows: Sequence[Row], target: float | None) -> None:
    """What is expected at more decisions: accuracy with its 95 % band."""
    base = alt.Chart({"values": list(rows)})
    scale = _scale(rows, target)
    count = alt.X("decisions:Q", title="Decisions", scale=alt.Scale(zero=False))
    layers = [
        base.mark_area(color=accent(), opacity=0.18).encode(x=count, y=_y("low:Q", scale), y2="high:Q"),
        base.mark_line(color=accent(), strokeDash=[5, 4], point={"color": accent()}).encode(
            x=count, y=_y("accuracy:Q", scale)
        ),
        *_goal(target),
    ]
    _show(layers, "Expected accuracy at more decisions, with its band and the target")


def reliability(rows: Sequence[Row]) -> None:
    """Share right by confidence; the larger a mark, the more blind checks are behind it."""
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart({"values": list(rows)})
    x = alt.X("confidence:Q", title="Confidence", scale=scale, axis=alt.Axis(labelExpr=_PERCENT))
    tip = [
        alt.Tooltip("confidence:Q", title="Mean confidence", format=".0%"),
        alt.Tooltip("right:Q", title="Right", format=".0%"),
        alt.Tooltip("blind_checks:Q", title="Blind checks"),
    ]
    ideal = alt.Chart({"values": [{"confidence": 0, "right": 0}, {"confidence": 1, "right": 1}]})
    layers = [
        ideal.mark_line(color=_GREY, strokeDash=[2, 4]).encode(x=x, y=_y("right:Q", scale)),
        base.mark_rule(color=accent(), strokeWidth=5, opacity=0.3, strokeCap="round").encode(
            x=x, y=_y("low:Q", scale), y2="high:Q"
        ),
        base.mark_line(color=accent(), strokeWidth=2).encode(x=x, y=_y("right:Q", scale)),
        base.mark_point(color=accent(), filled=True, opacity=1).encode(
            x=x,
            y=_y("right:Q", scale),
            size=alt.Size("blind_checks:Q", legend=None, scale=alt.Scale(range=[50, 400])),
            tooltip=tip,
        ),
    ]
    _show(layers, "Share of right answers by their confidence", height=_LOW)


def work(rows: Sequence[Row], begin: date) -> None:
    """Decisions by day, one colour a reviewer, from the first day on until today."""
    days = alt.Scale(domain=[begin.isoformat(), datetime.now(UTC).date().isoformat()])
    bars = (
        alt.Chart({"values": list(rows)})
        .mark_bar(stroke="#8888", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "day:T", timeUnit="utcyearmonthdate", title=None, scale=days, axis=alt.Axis(format="%d %b", tickCount=6)
            ),
            y=alt.Y("decisions:Q", title="Decisions"),
            color=alt.Color("reviewer:N", title="Reviewer", scale=alt.Scale(range=_PEOPLE)),
            tooltip=[alt.Tooltip("day:T", title="Day", format="%d %b %Y"), "reviewer:N", "decisions:Q"],
        )
    )
    _show([bars], "Decisions by day and reviewer", height=_LOW)


def _points(base: alt.Chart, x: alt.X, rows: Sequence[Row], target: float | None) -> list[alt.Chart]:
    scale = _scale(rows, target)
    low, middle = _y("low:Q", scale), _y("accuracy:Q", scale)
    tip = [alt.Tooltip("version:N", title="Version"), alt.Tooltip("accuracy:Q", title="Accuracy", format=".1%")]
    tip += [alt.Tooltip(f"{end}:Q", title=end.capitalize(), format=".1%") for end in ("low", "high")]
    tip += [alt.Tooltip("blind_checks:Q", title="Blind checks")]
    filled = alt.condition("datum.status === 'retired'", alt.value(0.45), alt.value(1))
    return [
        base.mark_rule(color=accent(), strokeWidth=5, opacity=0.3, strokeCap="round").encode(
            x=x, y=low, y2="high:Q", tooltip=tip
        ),
        base.mark_line(color=accent(), strokeWidth=2).encode(
            x=x, y=middle, **({"detail": "version:N"} if "at" in rows[0] else {})
        ),
        base.mark_point(color=accent(), filled=True, size=_ONE_MARK, opacity=1).encode(
            x=x, y=middle, opacity=filled, tooltip=tip
        ),
    ]


def _scale(rows: Sequence[Row], target: float | None) -> alt.Scale:
    """From one step of ten below the lowest mark to 100 %."""
    lowest = min([row["low"] for row in rows if row["low"] is not None] + ([target] if target is not None else [1.0]))
    return alt.Scale(domain=[max(0.0, (int(lowest * 10) - 1) / 10), 1], clamp=True)


def _y(field: str, scale: alt.Scale) -> alt.Y:
    return alt.Y(field, title=None, scale=scale, axis=alt.Axis(labelExpr=_PERCENT))


def _goal(target: float | None) -> list[alt.Chart]:
    if target is None:
        return []
    line = alt.Chart({"values": [{"target": target, "name": f"target {sentences.percent(target)}"}]})
    return [
        line.mark_rule(strokeDash=[6, 4], strokeWidth=1.5, color=_GREY).encode(y="target:Q"),
        line.mark_text(align="left", dx=6, color=_GREY).encode(y="target:Q", x=alt.value("width"), text="name:N"),
    ]


def _firsts(rows: Sequence[Row]) -> list[Row]:
    """Where another version had begun to serve."""
    found: list[Row] = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or before["version"] != row["version"]:
            found.append({"at": row["at"], "mark": f"version {row['version']}"})
    return found


def _show(layers: Sequence[alt.Chart], says: str, *, height: int = _HEIGHT) -> None:
    chart = alt.layer(*layers).properties(height=height, padding=_MARGIN).configure_view(strokeWidth=0)
    st.altair_chart(chart, width="stretch", alt=says)
