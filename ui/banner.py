"""What fires, above every page of those who manage: what it is, since when, and which page says what to do."""

import time
from collections.abc import Iterable

import streamlit as st

from ui import sentences
from ui.session import Session
from winnow.schemas_insight import Alert

_KEPT_SECONDS = 20.0
_KEPT = "banner_alerts"
_CRITICAL = "critical"


def draw(session: Session) -> None:
    """A line for each alert of the chosen project and of the whole system, the critical ones first."""
    for alert in sorted(_firing(session), key=lambda one: one.severity != _CRITICAL):
        if alert.project in {None, session.slug}:
            shown = st.error if alert.severity == _CRITICAL else st.warning
            shown(sentence(alert), icon=":material/warning:")


def sentence(alert: Alert) -> str:
    """Of an alert, what stands in the banner."""
    words = (alert.name or "something needs a look").replace("-", " ").capitalize()
    since = f" Since {alert.since:%d %B, %H:%M} UTC." if alert.since else ""
    page = f" What to do: runbooks/{alert.runbook}" if alert.runbook else ""
    summary = sentences.plain(sentences.own_words(alert.summary or ""))
    return f"**{words}.** {summary[:1].upper()}{summary[1:]}.{since}{page}"


def _firing(session: Session) -> Iterable[Alert]:
    """Asked at most every twenty seconds: a page runs again with each click."""
    at: float
    kept: list[Alert]
    at, kept = st.session_state.get(_KEPT, (float("-inf"), []))
    if time.monotonic() - at > _KEPT_SECONDS:
        kept = [one for one in session.api.alerts() if one.status == "firing"]
        st.session_state[_KEPT] = (time.monotonic(), kept)
    return kept
