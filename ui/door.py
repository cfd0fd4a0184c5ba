"""Signing in: with the form, or with what the browser kept from before a reload."""

import time
from importlib import import_module

import streamlit as st

from ui import sentences
from ui.components import keep
from ui.session import Session, keep_sign_in, leave, resume, sign_in
from winnow import ApiError, ConnectionFailed, Unauthenticated

_HEAVY = ("altair", "pandas", "pyarrow")
_AGAIN_SECONDS = 3


def is_open(session: Session) -> bool:
    """Whether somebody is signed in; then the browser is given the newest token to keep. Draws nothing that is seen."""
    if session.client is None:
        return False
    keep_sign_in(session)
    return True


def knock(session: Session) -> None:
    """Goes on with the sign-in that the browser kept, which is asked for it once, or draws the sign-in page.

    Comes after `st.navigation`: until a tab has been told which page it is on, its answer asks for the first one.
    """
    if session.forget:
        keep.store(None)
    elif not session.asked:
        token = keep.ask()
        if token is not None:
            session.asked = True
            _resume(session, token)
    _draw(session)


def _resume(session: Session, token: str) -> None:
    """Goes on where the tab was before a reload, if the token it kept is still good."""
    try:
        inside = bool(token) and resume(session, token)
    except (ConnectionFailed, ApiError) as error:
        session.asked, session.asked_at = False, time.monotonic()
        session.notice = sentences.trouble(error, repeats=True)
    else:
        if inside:
            st.rerun()


def _draw(session: Session) -> None:
    """The sign-in page."""
    if not session.asked and keep.may_have_token() and not session.notice:
        st.caption("Signing you in …")
        return
    _, middle, _ = st.columns([1, 1.1, 1])
    with middle:
        st.title("Sign in", anchor=False)
        st.caption("Sort records into your own categories, with numbers nobody flattered.")
        if session.notice:
            st.warning(session.notice)
        with st.form("sign-in", border=True):
            username = st.text_input("Name", autocomplete="username")
            password = st.text_input("Password", type="password", autocomplete="current-password")
            wanted = st.form_submit_button("Sign in", type="primary", width="stretch")
        if wanted:
            _try(session, username.strip(), password)
        st.caption("The first start prints the password of the user “admin” in its terminal, once.")
    _ask_again(session)
    for name in _HEAVY:  # a second of loading, once in a process: while the form is filled in, not on a page
        import_module(name)


@st.fragment(run_every=_AGAIN_SECONDS)
def _ask_again(session: Session) -> None:
    """A tab that was loaded again while the server was away goes on by itself once it is back."""
    if session.asked_at is not None and not session.asked and time.monotonic() - session.asked_at >= _AGAIN_SECONDS:
        st.rerun()


def _try(session: Session, username: str, password: str) -> None:
    if not username or not password:
        st.error("Enter both a name and a password.")
        return
    try:
        sign_in(session, username, password)
    except Unauthenticated:
        st.error("Name or password is wrong.")
    except (ConnectionFailed, ApiError) as error:
        st.error(sentences.plain(sentences.trouble(error)))
    else:
        st.rerun()


def sign_out(session: Session) -> None:
    """Signs out: gives back leased cards and the refresh token, as far as the server can be reached."""
    try:
        for desk in session.desks.values():
            desk.leave(session.api)
        session.api.sign_out()
    except (ConnectionFailed, ApiError):
        leave(session, "Signed out here. The server could not be told; its token ends by itself.")
    else:
        leave(session)
