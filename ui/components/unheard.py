"""The version in shadow beside the one that serves: how often they differ, where, and on which texts."""

import streamlit as st

from ui import sentences
from ui.components.comparison import short
from winnow.schemas_insight import Shadow

_MOST_INSTEAD = 3


def draw(found: Shadow) -> None:
    """Draws what is known of the shadow so far."""
    st.markdown(f"**Version {found.version} is in shadow** beside version {found.serving}: {_how_far(found)}")
    if found.trouble:
        st.warning(f"It cannot answer: {sentences.own_words(found.trouble)}. Predictions go on without it.")
    if not found.differing:
        return
    st.dataframe(
        [
            {
                f"Version {found.serving} says": one.category,
                "Answers": one.predictions,
                "Differ": one.share,
                f"Version {found.version} says instead": ", ".join(
                    f"{other.category} ({other.count:,})" for other in one.instead[:_MOST_INSTEAD]
                ),
            }
            for one in found.by_category
            if one.differing
        ],
        hide_index=True,
        column_config={"Differ": st.column_config.NumberColumn(format="percent")},
    )
    with st.expander("The newest differences"):
        st.dataframe(
            [
                {
                    "Text": short(one.text),
                    f"Version {found.serving}": f"{one.serving.category} ({one.serving.confidence:.0%})",
                    f"Version {found.version}": f"{one.shadow.category} ({one.shadow.confidence:.0%})",
                }
                for one in found.examples
            ],
            hide_index=True,
            column_config={"Text": st.column_config.TextColumn(width="large")},
        )


def _how_far(found: Shadow) -> str:
    since = f"since {found.since:%d %b, %H:%M} UTC" if found.since else "so far"
    if not found.predictions:
        return f"no program has asked anything {since}. Its answers are kept and nobody hears them."
    low, high = sentences.percent(found.low), sentences.percent(found.high)
    return (
        f"{since} it would have given another answer to {found.differing:,} of "
        f"{sentences.count(found.predictions, 'prediction')} "
        f"({sentences.percent(found.share)}; in the long run {low} to {high})."
    )
