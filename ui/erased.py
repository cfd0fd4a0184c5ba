"""Erasing items on request, and the proof that they are gone."""

from itertools import islice

import streamlit as st

from ui import sentences
from ui.session import Session
from winnow import ApiError, ConnectionFailed
from winnow.schemas_accountability import Erased

_SHOWN = 50
_SAID = "erased-said"


def erasures(session: Session, slug: str) -> None:
    """The section of the Data page: an item by its number, and what was erased before."""
    st.subheader("Erasure on request", anchor=False)
    st.caption(
        "Erases an item everywhere: text, fields, vector, decisions with their notes, and what programs asked about "
        "it. Later versions are trained without it; the audit log keeps that it happened."
    )
    said = st.session_state.pop(_SAID, "")
    if said:
        st.info(said)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        item_id = st.text_input("Item number", key="erase-id", placeholder="as in the address of its page")
        if st.button("Erase …", disabled=not item_id.strip()):
            confirm(session, slug, item_id.strip())
    found = list(islice(session.api.erasures(slug), _SHOWN))
    if not found:
        st.caption("Nothing has been erased from this project.")
        return
    st.markdown("**Erased so far**, with what is left of each, looked for just now")
    st.dataframe([_row(one) for one in found], hide_index=True, alt="What was erased")


@st.dialog("Erase this item?")
def confirm(session: Session, slug: str, item_id: str) -> None:
    """Asks before an item is erased for good."""
    try:
        item = session.api.item(slug, item_id)
    except (ApiError, ConnectionFailed) as error:
        st.error(sentences.plain(sentences.trouble(error)))
        return
    st.text(item.text[:300])
    st.write("This cannot be undone, by nobody.")
    if st.button("Erase for good", type="primary", key="erase-yes", on_click=_erase, args=(session, slug, item.id)):
        st.switch_page("views/data.py", query_params={"project": slug})


def _erase(session: Session, slug: str, item_id: str) -> None:
    """Erases; what came of it is said on the Data page."""
    try:
        session.api.delete_item(slug, item_id)
    except (ApiError, ConnectionFailed) as error:
        st.session_state[_SAID] = f"Not erased: {sentences.plain(sentences.trouble(error))}"
    else:
        st.session_state[_SAID] = f"Item {item_id} is erased. The proof stands in the list below."


def _row(one: Erased) -> dict[str, object]:
    left = ", ".join(f"{count} {kind}" for kind, count in one.left.items() if count)
    return {
        "Item": one.item_id,
        "Erased": one.erased_at,
        "By": one.erased_by,
        "Left of it": left or f"nothing: no {', no '.join(one.left)}",
        "Versions trained before": ", ".join(map(str, one.versions_before)) or "none",
    }
