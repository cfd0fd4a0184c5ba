"""Keeps a sign-in across a reload: the browser's tab holds the refresh token, which changes at each use."""

from pathlib import Path

import streamlit as st

_KEY = "keep"
_COOKIE = "winnow_signed_in"
_keep = st.components.v2.component("winnow_keep", js=(Path(__file__).parent / "keep.js").read_text(encoding="utf-8"))


def may_have_token() -> bool:
    """Whether this browser signed in before, so that it is worth waiting for what it kept."""
    return st.context.cookies.get(_COOKIE) == "1"


def ask() -> str | None:
    """The refresh token that the tab kept: an empty string if it kept none, None until it has answered."""
    found = _keep(key=_KEY, data={}, on_found_change=_nothing).get("found")
    return found if isinstance(found, str) else None


def store(token: str | None) -> None:
    """Lets the tab keep this refresh token from now on; None makes it forget everything of Winnow's."""
    data = {"token": token} if token else {"forget": True}
    _keep(key=_KEY, data=data, on_found_change=_nothing)


def _nothing() -> None:
    """The state is read at the next run; Streamlit only keeps states that have a callback."""
