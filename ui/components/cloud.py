"""A map of items: what is alike lies together; a rectangle chooses some."""

from collections import Counter
from collections.abc import Sequence

import altair as alt
import streamlit as st

from ui.components.figures import accent
from winnow.schemas_groups import Point

COLOURS = ["Category", "Confidence", "State"]
_HEIGHT = 520
_MOST_COLOURS = 9
_OTHERS = "others"
# Told apart also by those who do not see red and green: Okabe and Ito's, the last for what is left.
_PALETTE = [
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#d55e00",
    "#7a5195",
    "#8c6d31",
    "#56b4e9",
    "#4d4d4d",
    "#9a9a9a",
]
_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
_BRUSH = "chosen"


def draw(points: Sequence[Point], colour: str, key: str) -> list[Point]:
    """Draws the map.

    Args:
        points: at least one.
        colour: one of `COLOURS`.
        key: the widget's key.

    Returns:
        The points inside the rectangle that was dragged.
    """
    brush = alt.selection_interval(name=_BRUSH, encodings=["x", "y"])
    rows = _rows(points)
    chart = (
        alt.Chart({"values": rows})
        .mark_point(filled=True, size=34, opacity=0.75)
        .encode(
            x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-1.05, 1.05])),
            y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-1.05, 1.05])),
            **_look(colour, rows),
            tooltip=[
                alt.Tooltip("category:N", title="Category"),
                alt.Tooltip("confidence:Q", title="Confidence", format=".0%"),
                alt.Tooltip("state:N", title="State"),
            ],
        )
        .properties(height=_HEIGHT)
        .configure_view(strokeWidth=0)
        .add_params(brush)
    )
    says = f"A map of {len(points):,} items, coloured by {colour.lower()}"
    chosen = st.altair_chart(chart, width="stretch", on_select="rerun", key=key, alt=says)
    return inside(points, chosen.selection.get(_BRUSH, {}))


def inside(points: Sequence[Point], rectangle: dict[str, list[float]]) -> list[Point]:
    """The points in a rectangle `{"x": [from, to], "y": [from, to]}`; none without one."""
    if not {"x", "y"} <= set(rectangle):
        return []
    (left, right), (low, high) = (sorted(rectangle[axis]) for axis in ("x", "y"))
    return [one for one in points if left <= one.x <= right and low <= one.y <= high]


def _rows(points: Sequence[Point]) -> list[dict[str, object]]:
    """What is drawn; beyond the most frequent categories there is one colour for the others."""
    often = [name for name, _ in Counter(one.category or "none" for one in points).most_common(_MOST_COLOURS)]
    return [
        {
            "x": one.x,
            "y": one.y,
            "category": one.category or "none",
            "group": one.category or "none" if (one.category or "none") in often else _OTHERS,
            "confidence": one.confidence,
            "state": one.state,
        }
        for one in points
    ]


def _look(colour: str, rows: Sequence[dict[str, object]]) -> dict[str, object]:
    if colour == "Confidence":
        scale = alt.Scale(domain=[0, 1], range=["#c9cdc2", accent()])
        return {"color": alt.Color("confidence:Q", title="Confidence", scale=scale, legend=alt.Legend(format=".0%"))}
    field, title = ("state", "State") if colour == "State" else ("group", "Category")
    names = sorted({str(row[field]) for row in rows}, key=lambda name: (name == _OTHERS, name))
    shapes = [_SHAPES[place % len(_SHAPES)] for place in range(len(names))]
    return {
        "color": alt.Color(f"{field}:N", title=title, scale=alt.Scale(domain=names, range=_PALETTE[: len(names)])),
        "shape": alt.Shape(f"{field}:N", title=title, scale=alt.Scale(domain=names, range=shapes)),
    }
