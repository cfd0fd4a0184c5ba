"""What one browser tab's session holds: who is signed in, which project, and the review desks. One typed place."""

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import streamlit as st

from ui.components import keep
from winnow import Client, Forbidden, Unauthenticated
from winnow.schemas import Project, User

if TYPE_CHECKING:
    from ui.desk import Desk
    from ui.groups import Table

_KEY = "winnow"
_DEFAULT_API = "http://127.0.0.1:8000"
_MANAGERS = frozenset({"manager", "admin"})
_ADMIN = "admin"
_LONGEST_WAY = 500
PROGRAM = "program"

_sign_ins: WeakValueDictionary[str, Client] = WeakValueDictionary()
"""Clients of the sign-ins under way in this process, by each refresh token that a browser was given to keep.

A refresh token works once. A page that is loaded again before it was given the next one, or a tab that was doubled,
comes with one that was used: it goes on with the client that used it, instead of ending the sign-in for all.
"""
_resuming = threading.Lock()


@dataclass
class Session:
    """The state of one tab.

    Attributes:
        client: signed in, or None.
        user: who is signed in, or None.
        slug: the project being looked at, or None before one is chosen.
        desks: the review desk of each project visited.
        tables: the groups looked over here, by the choice of them.
        chosen: ids of the items that somebody chose to look over together, by slug.
        seen: the newest version of each project when its Review page was first opened, by slug.
        kept_token: the refresh token that the browser was last given to keep.
        asked: whether the browser has been asked for a kept sign-in.
        asked_at: when the server could not be reached with it last, on the clock of this process; else None.
        forget: whether the browser is to forget its sign-in.
        notice: a sentence to show once on the sign-in page.
        wanted: the page of the address, while nobody is signed in yet; None otherwise.
    """

    client: Client | None = None
    user: User | None = None
    slug: str | None = None
    desks: dict[str, "Desk"] = field(default_factory=dict)
    tables: dict[str, "Table"] = field(default_factory=dict)
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    kept_token: str | None = None
    asked: bool = False
    asked_at: float | None = None
    forget: bool = False
    notice: str = ""
    wanted: str | None = None

    @property
    def api(self) -> Client:
        """The signed-in client. Raises `SignedOut` where nobody is signed in."""
        if self.client is None:
            raise SignedOut
        return self.client

    @property
    def person(self) -> User:
        """Who is signed in. Raises `SignedOut` where nobody is."""
        if self.user is None:
            raise SignedOut
        return self.user

    @property
    def manages(self) -> bool:
        """Whether this person may import, train and promote."""
        return self.user is not None and self.user.role in _MANAGERS

    @property
    def administers(self) -> bool:
        """Whether this person may look after people and keys."""
        return self.user is not None and self.user.role == _ADMIN


class SignedOut(Exception):
    """Nobody is signed in any more."""


def current() -> Session:
    """This tab's session, made on first use."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = Session()
    session: Session = st.session_state[_KEY]
    return session


def api_url() -> str:
    """Where the API listens: `WINNOW_API_URL`, else its default address."""
    return os.environ.get("WINNOW_API_URL", _DEFAULT_API)


def _visitor() -> dict[str, str]:
    """Whose browser this is, as a proxy tells it: else wrong passwords of one visitor would count for all."""
    came_by, here = st.context.headers.get_all("X-Forwarded-For"), st.context.ip_address
    way = ", ".join([*came_by, here] if here else came_by)[-_LONGEST_WAY:]
    return {"X-Forwarded-For": way} if way.isascii() and way else {}


def sign_in(session: Session, username: str, password: str) -> None:
    """Signs a person in. Raises `winnow.Unauthenticated` for a wrong name or password."""
    with Client(api_url(), retries=1, headers=_visitor()) as door:
        tokens = door.sign_in(username, password)
    _enter(session, Client(api_url(), access_token=tokens.access_token, refresh_token=tokens.refresh_token, retries=1))


def resume(session: Session, token: str) -> bool:
    """Goes on with the sign-in whose refresh token the browser kept; False where it is no longer good."""
    with _resuming:
        client = _sign_ins.get(token) or Client(api_url(), refresh_token=token, retries=1)
        _sign_ins[token] = client
    try:
        _enter(session, client)
    except (Unauthenticated, Forbidden):
        session.forget = True
        return False
    return True


def _enter(session: Session, client: Client) -> None:
    session.user = client.me()
    session.client = client
    session.forget = False
    session.notice = ""


def leave(session: Session, notice: str = "") -> None:
    """Forgets who was signed in, here and (at the next drawing) in the browser."""
    session.client, session.user, session.kept_token = None, None, None
    session.desks.clear()
    session.tables.clear()
    session.chosen.clear()
    session.forget, session.asked, session.notice = True, True, notice


def keep_sign_in(session: Session) -> None:
    """Gives the browser the newest refresh token to keep; draws nothing that is seen."""
    session.kept_token = session.api.refresh_token
    if session.kept_token is not None:
        _sign_ins[session.kept_token] = session.api
    keep.store(session.kept_token)


def token_moved(session: Session) -> bool:
    """Whether the refresh token has changed since the browser was given it."""
    return session.client is not None and session.client.refresh_token != session.kept_token


def choose(session: Session, projects: list[Project]) -> Project | None:
    """The project to look at: of the address, else the last one, else the first; None where there is none."""
    by_slug = {project.slug: project for project in projects}
    wanted = st.query_params.get("project") or session.slug
    project = by_slug.get(wanted or "") or next(iter(projects), None)
    session.slug = project.slug if project else None
    if project and st.query_params.get("project") != project.slug:
        st.query_params["project"] = project.slug
    return project
