"""People and keys: who may sign in, which programs may call and how often, and who did what."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from ui import logbook, rates, sentences
from ui.components import once
from ui.frame import guard
from ui.session import Session, current
from winnow.schemas import ApiKey, User

_ROLES = {
    "reviewer": "reviewer: decides cards and looks things up",
    "manager": "manager: also imports, exports, trains and promotes",
    "admin": "admin: everything, people and keys too",
    "program": "program: asks for predictions and gives feedback",
}
_LASTS = {"Never": None, "After 30 days": 30, "After 90 days": 90, "After a year": 365}
_MADE = "api-key"
_NEVER = "never"


def page(session: Session) -> None:
    """The page."""
    st.title("People and keys", anchor=False)
    with st.container(border=True), guard(session):
        _people(session)
    with st.container(border=True), guard(session):
        _keys(session)
    with st.container(border=True), guard(session):
        rates.limits(session)
    with st.container(border=True), guard(session):
        logbook.audit_log(session)


def _people(session: Session) -> None:
    st.subheader("People", anchor=False)
    for user in session.api.users():
        _person(session, user)
    with (
        st.expander("New person", icon=":material/person_add:"),
        st.form("new-person", clear_on_submit=True, border=False),
    ):
        left, middle, right = st.columns(3)
        name = left.text_input("Name", key="person-name")
        password = middle.text_input("First password", type="password", key="person-password")
        role = right.selectbox("Role", list(_ROLES), format_func=_ROLES.__getitem__, key="person-role")
        if st.form_submit_button("Add person", type="primary"):
            _add(session, name.strip(), password, role)


def _add(session: Session, name: str, password: str, role: str) -> None:
    if not name or not password:
        st.error("Give a name and a first password.")
        return
    with guard(session):
        session.api.create_user(name, password, role)
        st.rerun()


def _person(session: Session, user: User) -> None:
    own = user.id == session.person.id
    name, role, doing = st.columns([3, 3, 1], vertical_alignment="center")
    name.markdown(
        f"**{sentences.plain(user.username)}**" + (" (you)" if own else "") + ("" if user.active else " · switched off")
    )
    key = f"role-{user.id}"
    role.selectbox(
        "Role",
        list(_ROLES),
        index=list(_ROLES).index(user.role),
        format_func=_ROLES.__getitem__,
        key=key,
        disabled=own or not user.active,
        label_visibility="collapsed",
        help="Your own role is changed by another administrator." if own else None,
    )
    if st.session_state[key] != user.role:
        session.api.update_user(user.id, role=st.session_state[key])
        st.toast(f"{sentences.plain(user.username)} is {st.session_state[key]} now.")
    with doing.popover("Change", width="stretch"):
        _change(session, user, own=own)


def _change(session: Session, user: User, *, own: bool) -> None:
    if not own and st.button("Switch off" if user.active else "Switch on", key=f"active-{user.id}", width="stretch"):
        session.api.update_user(user.id, active=not user.active)
        st.rerun()
    if not own:
        _rename(session, user)
    with st.form(f"password-{user.id}", clear_on_submit=True, border=False):
        password = st.text_input("New password", type="password", key=f"new-password-{user.id}")
        if st.form_submit_button("Set password", width="stretch") and password:
            with guard(session):
                session.api.update_user(user.id, password=password)
                st.success("The password is set.")


def _rename(session: Session, user: User) -> None:
    with st.form(f"name-{user.id}", border=False):
        name = st.text_input("New name", user.username, key=f"new-name-{user.id}").strip()
        if st.form_submit_button("Rename", width="stretch") and name not in {"", user.username}:
            with guard(session):
                session.api.update_user(user.id, username=name)
                st.rerun()


def _keys(session: Session) -> None:
    st.subheader("API keys", anchor=False)
    st.caption("A program sends its key as `X-API-Key`. Only a trace of the secret is stored.")
    once.show(_MADE, "The new key. Keep it now: it is not shown again.")
    keys = session.api.api_keys()
    for key in keys:
        _key(session, key)
    if not keys:
        st.caption("There is no key yet.")
    with st.expander("New key", icon=":material/add:"), st.form("new-key", clear_on_submit=True, border=False):
        left, middle, right = st.columns(3)
        name = left.text_input("What it is for", key="key-name", placeholder="helpdesk")
        roles = ["program", "reviewer", "manager", "admin"]
        role = middle.selectbox("Role", roles, format_func=_ROLES.__getitem__, key="key-role")
        lasts = _LASTS[right.selectbox("Ends", list(_LASTS), key="key-ends")]
        if st.form_submit_button("Create key", type="primary"):
            _make(session, name.strip(), role, lasts)


def _make(session: Session, name: str, role: str, days: int | None) -> None:
    if not name:
        st.error("Say what the key is for.")
        return
    ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with guard(session):
        once.keep(_MADE, session.api.create_api_key(name, role, expires_at=ends).secret)
        st.rerun()


def _key(session: Session, key: ApiKey) -> None:
    name, told, doing = st.columns([3, 3, 1], vertical_alignment="center")
    name.markdown(f"**{sentences.plain(key.name)}** · {key.role}")
    told.caption(f"`{key.prefix}…` · ends {_day(key.expires_at)} · last used {_day(key.last_used_at)}")
    with doing.popover("Revoke", width="stretch"):
        st.write("Programs that use it are refused from now on.")
        if st.button("Revoke this key", key=f"revoke-{key.id}", type="primary"):
            session.api.delete_api_key(key.id)
            st.rerun()


def _day(when: datetime | None) -> str:
    return f"{when:%d %b %Y}" if when else _NEVER


page(current())
