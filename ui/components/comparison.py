"""Two versions side by side: figures on the same blind checks, the test in words, the items that change."""

from collections.abc import Callable

import streamlit as st

from ui import sentences
from winnow.schemas_insight import Comparison, Flip, Metrics

_TEXT = 110


def draw(found: Comparison) -> None:
    """Draws a comparison."""
    st.markdown(sentences.paired(found))
    if found.metrics.a is not None and found.metrics.b is not None:
        rows = {name: [read(found.metrics.a), read(found.metrics.b)] for name, read in _FIGURES.items()}
        st.table(
            [
                {"": name, f"Version {found.a}": first, f"Version {found.b}": second}
                for name, (first, second) in rows.items()
            ],
            border="horizontal",
            hide_index=True,
        )
        checks = sentences.count(found.items or 0, "blind check")
        st.caption(f"Both measured on the same {checks}, which neither version learnt from.")
    flips(found)


def flips(found: Comparison) -> None:
    """The items whose answer changes from the first version to the second."""
    st.markdown(f"**{sentences.count(found.changed, 'item')}** of {found.pool:,} would get another answer.")
    if not found.flips:
        return
    st.dataframe(
        [
            {
                "Text": short(flip.text),
                f"Version {found.a}": flip.a,
                f"Version {found.b}": flip.b,
                "Blind check": _verdict(flip, found),
            }
            for flip in found.flips
        ],
        hide_index=True,
        height=min(38 + 35 * len(found.flips), 320),
        column_config={
            "Text": st.column_config.TextColumn(width="large"),
            "Blind check": st.column_config.TextColumn(width="medium"),
        },
    )
    if len(found.flips) < found.changed:
        st.caption(f"The first {len(found.flips):,} are shown, those with a blind check before the others.")


def _verdict(flip: Flip, found: Comparison) -> str:
    if flip.truth is None:
        return ""
    if flip.truth == flip.b:
        return f"{flip.truth}: version {found.b} is right"
    if flip.truth == flip.a:
        return f"{flip.truth}: version {found.a} is right"
    return f"{flip.truth}: neither is right"


def short(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else line[: _TEXT - 1] + "…"


def _accuracy(one: Metrics) -> str:
    low, high = sentences.percent(one.accuracy_low), sentences.percent(one.accuracy_high)
    return f"{sentences.percent(one.accuracy)} ({low} to {high})"


def _plain(value: float | None) -> str:
    return sentences.NOTHING if value is None else f"{value:.3f}"


_FIGURES: dict[str, Callable[[Metrics], str]] = {
    "Accuracy": _accuracy,
    "Macro F1": lambda one: _plain(one.macro_f1),
    "Log loss (less is better)": lambda one: _plain(one.log_loss),
    "Calibration error (less is better)": lambda one: _plain(one.calibration_error),
}
