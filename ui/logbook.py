"""The audit log on the page of people: who did what to what."""

from itertools import islice

import streamlit as st

from ui.components import tables
from ui.session import Session
from winnow.schemas_accountability import LogEntry

_SHOWN = 200
_KINDS = {
    "Everything": None,
    "People": "user.",
    "Keys": "api_key.",
    "Items": "item.",
    "Projects": "project.",
    "Versions": "version.",
}


def audit_log(session: Session) -> None:
    """The section."""
    st.subheader("Audit log", anchor=False)
    st.caption("Who did what to what. It holds names and numbers, never the text of an item, and cannot be changed.")
    kind, about = st.columns([1, 2], vertical_alignment="bottom")
    action = _KINDS[kind.selectbox("About", list(_KINDS), key="log-kind")]
    subject = about.text_input("To what", key="log-subject", placeholder="support-tickets")
    entries = session.api.audit_log(action=action, subject=(subject or "").strip() or None)
    rows = [_row(one) for one in islice(entries, _SHOWN)]
    if not rows:
        st.caption("Nothing of the kind is in the log.")
        return
    st.dataframe(rows, hide_index=True, alt="The audit log, newest first")
    st.download_button(
        "CSV", tables.as_csv(rows), "audit-log.csv", "text/csv", icon=":material/download:", on_click="ignore"
    )
    if len(rows) == _SHOWN:
        st.caption(f"The newest {_SHOWN}; the API has them all.")


def _row(one: LogEntry) -> dict[str, object]:
    detail = ", ".join(f"{name} {value}" for name, value in (one.detail or {}).items())
    return {"When": one.at, "Who": one.name or one.actor, "What": one.action, "To what": one.subject, "More": detail}
