"""What a project keeps no longer than it says, on the page Data."""

import streamlit as st

from ui import sentences
from ui.session import Session
from winnow import ApiError, ConnectionFailed

_LONGEST_ITEMS, _LONGEST_ANSWERS = 36_500, 3_650
_ITEMS, _ANSWERS, _SURE = "keep-items", "keep-answers", "keep-sure"
_SAID = "keep-said"


def settings(session: Session, slug: str) -> None:
    """The section: how long items and answers to programs are kept; 0 is without an end of the project's own."""
    st.subheader("How long it is kept", anchor=False)
    worked, said = st.session_state.pop(_SAID, (True, ""))
    if said:
        (st.success if worked else st.error)(said)
    now = session.api.project(slug).settings
    items, answers = st.columns(2)
    with items:
        days = st.number_input(
            "Days that items are kept", 0, _LONGEST_ITEMS, int(now.get("item_days") or 0), key=f"{_ITEMS}-{slug}"
        )
        st.caption(
            "0: until somebody erases them. Otherwise each is erased so many days after it came, decided or not, with "
            "the proof below; later versions are trained without it."
        )
    with answers:
        answer_days = st.number_input(
            "Days that answers to programs are kept",
            0,
            _LONGEST_ANSWERS,
            int(now.get("prediction_days") or 0),
            key=f"{_ANSWERS}-{slug}",
        )
        st.caption("0: as long as this server keeps them. They hold the texts that programs asked about.")
    wanted = {"item_days": int(days), "prediction_days": int(answer_days)}
    if all(now.get(name, 0) == value for name, value in wanted.items()):
        return
    sooner = wanted["item_days"] and (not now.get("item_days") or wanted["item_days"] < now["item_days"])
    sure = not sooner or st.checkbox(
        f"Items older than {sentences.count(wanted['item_days'], 'day')} may be erased from now on, for good",
        key=f"{_SURE}-{slug}",
    )
    st.button("Keep it so", type="primary", disabled=not sure, on_click=_set, args=(session, slug, wanted))


def _set(session: Session, slug: str, wanted: dict[str, int]) -> None:
    try:
        session.api.update_project(slug, settings=wanted)
    except (ApiError, ConnectionFailed) as error:
        st.session_state[_SAID] = (False, f"Not changed: {sentences.plain(sentences.trouble(error))}")
    else:
        st.session_state[_SAID] = (True, "It holds from the next hour on.")
