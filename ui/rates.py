"""Limits on the page of people: how often a caller may ask, and who is near that now."""

import streamlit as st

from ui.session import Session
from winnow.schemas_accountability import CallerUse

_CALLED = {
    "read": "Reading",
    "write": "Writing",
    "predict": "Predictions",
    "upload": "Uploads",
    "sign_in": "Sign-ins, by address",
    "items": "Items sent",
}


def limits(session: Session) -> None:
    """The section."""
    st.subheader("Limits", anchor=False)
    found = session.api.limits()
    st.caption(
        f"What each person and each key may send in {found.window_seconds} seconds; one request more is answered with "
        "429 and how long to wait. Whoever runs this server sets them (`WINNOW_RATE_…`)."
    )
    st.table({_CALLED.get(name, name): f"{most:,}" for name, most in found.limits.items()}, border="horizontal")
    st.markdown("**Used of the present minute**")
    if not found.callers:
        st.caption("Nobody has asked for anything in it yet.")
        return
    rows = [_row(one, found.limits) for one in found.callers]
    shares = st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent")
    st.dataframe(rows, hide_index=True, alt="Who used how much", column_config={"Nearest limit used": shares})


def _row(one: CallerUse, limits: dict[str, int]) -> dict[str, object]:
    nearest = max((count / limits[name] for name, count in one.used.items() if limits.get(name)), default=0.0)
    return {
        "Who": one.name,
        "Kind": "key" if one.caller.startswith("key:") else "person",
        **{called: one.used.get(name, 0) for name, called in _CALLED.items() if name != "sign_in"},
        "Nearest limit used": min(1.0, nearest),
    }
