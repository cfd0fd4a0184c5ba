"""What could go without people: at several targets side by side, and category by category."""

from collections.abc import Sequence

import streamlit as st

from ui import sentences
from ui.components import figures
from winnow.schemas_insight import Automation, CategoryAutomation


def side_by_side(found: Sequence[Automation]) -> None:
    """Draws what each target would allow."""
    for column, one in zip(st.columns(len(found)), found, strict=True):
        with column:
            figures.figure(
                sentences.percent(one.share or 0.0),
                f"at {sentences.percent(one.target)} accuracy",
                share=one.share or 0.0,
                below=_says(one),
            )


def by_category(found: Sequence[CategoryAutomation]) -> None:
    """Draws what each category would allow with a promise of its own."""
    st.dataframe(
        [
            {
                "Category": one.category,
                "Of its answers": one.share,
                "From a confidence of": one.threshold,
                "Blind checks": one.audits,
                "Still missing": _missing(one),
            }
            for one in sorted(found, key=lambda one: (-(one.share or 0.0), -one.audits, one.category))
        ],
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(format="percent") for name in ("Of its answers", "From a confidence of")
        },
    )


def _says(one: Automation) -> str:
    if one.threshold is not None:
        return f"Answers with a confidence of {sentences.percent(one.threshold)} or more need no person."
    if one.audits_needed:
        return f"Not proven. About {sentences.count(one.audits_needed, 'more blind check')} may settle it."
    return "The blind checks so far speak against it: better versions come first."


def _missing(one: CategoryAutomation) -> str:
    if one.threshold is not None:
        return ""
    return f"about {one.audits_needed:,}" if one.audits_needed else "a better version"
