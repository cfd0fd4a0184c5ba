"""Items as a table whose rows can be ticked."""

from collections.abc import Sequence

import streamlit as st

from winnow.schemas import Item

_LONGEST = 160


def draw(items: Sequence[Item], key: str) -> list[Item]:
    """Draws the table.

    Args:
        items: one page of them.
        key: the widget's key.

    Returns:
        The ticked items.
    """
    shown = st.dataframe(
        [_row(item) for item in items],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=key,
        column_config={
            "Text": st.column_config.TextColumn(width="large"),
            "Confidence": st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent"),
        },
        alt="Items with their decided and predicted category",
    )
    return [items[row] for row in shown.selection.rows if row < len(items)]


def short(text: str, longest: int = _LONGEST) -> str:
    """A text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _row(item: Item) -> dict[str, object]:
    return {
        "Text": short(item.text),
        "Decided": item.category or "",
        "Predicted": item.prediction.category if item.prediction else "",
        "Confidence": item.prediction.confidence if item.prediction else None,
        "State": item.state or "",
    }
