"""Who is calling: people with passwords, programs with keys, and the log of what either did.

Passwords are kept as argon2id hashes and keys as SHA-256 of 256 random bits; neither can be read back.
Whether a name exists cannot be told from the answer to a failed sign-in, nor from the time it takes.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from models.errors import AlreadyThere, Conflict, Invalid, Missing, Problem, Unauthenticated
from models.outside.vouching import Vouched
from models.store.quick import Look
from models.store.session import Database
from models.store.tables import ApiKeyRow, AuditLogRow, RefreshTokenRow, UserRow
from models.store.types import utc_now
from models.vocabulary import Role

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
KEY_PREFIX = "wnw_"
_SHOWN_CHARS = 12
_NO_KEY = "The API key is not valid, was revoked, or has expired."
_LAST_USE_GRAIN = timedelta(minutes=1)
_USERNAME = re.compile(r"[\w.@+-]{1,100}")
KEY = (
    ApiKeyRow.id,
    ApiKeyRow.name,
    ApiKeyRow.role,
    ApiKeyRow.scopes,
    ApiKeyRow.expires_at,
    ApiKeyRow.revoked_at,
    ApiKeyRow.last_used_at,
)
"""What `program` is told of a key; asked with every request of a program."""

_BY_HASH = Look(select(*KEY).where(ApiKeyRow.key_hash == bindparam("key_hash")))


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks for something, once it is known who.

    Attributes:
        key: `user:<id>` or `key:<id>`; what rows about the caller hold.
        name: user name, or the name of the key.
        role: what the caller may do.
        user_id: the person's row; None for a program.
        scopes: what a key is narrowed to; None for all that its role may.
    """

    key: str
    name: str
    role: Role
    user_id: int | None = None
    scopes: frozenset[str] | None = None

    def has(self, role: Role) -> bool:
        """Whether the caller's role includes this one."""
        return role in self.role.includes


SYSTEM = Caller(key="system", name="system", role=Role.ADMIN)
"""Winnow itself: set-up and regular work."""


def record(
    session: Session, caller: Caller, action: str, subject: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write into the audit log, in the transaction that does what is written about.

    Args:
        session: a write transaction.
        caller: who did it.
        action: what, as `thing.verb`, e.g. `user.created`.
        subject: to what, e.g. `user:7`.
        detail: ids, names and numbers that matter; never the text of an item.
    """
    session.add(
        AuditLogRow(
            actor=caller.key,
            action=action,
            subject=subject,
            detail=dict(detail) if detail is not None else None,
        )
    )


def create_user(session: Session, caller: Caller, *, username: str, password: str, role: Role) -> UserRow:
    """A new person.

    Raises:
        Invalid: the name or the password will not do.
        AlreadyThere: the name is taken.
    """
    name = _username(username)
    hashed = _hash(_password(password, name))
    _check_free(session, name)
    user = UserRow(username=name, password_hash=hashed, role=role, active=True)
    session.add(user)
    session.flush()
    record(session, caller, "user.created", f"user:{user.id}", {"username": name, "role": role.value})
    return user


def find_user(session: Session, user_id: int, *, lock: bool = False) -> UserRow:
    """A person. Raises Missing."""
    user = session.get(UserRow, user_id, with_for_update=lock)
    if user is None:
        raise Missing("There is no such user.")
    return user


def update_user(
    session: Session,
    caller: Caller,
    user_id: int,
    *,
    username: str | None = None,
    password: str | None = None,
    role: Role | None = None,
    active: bool | None = None,
) -> UserRow:
    """Change what is given. A new password, and being switched off, end the person's sign-ins.

    Raises:
        Missing: there is no such user.
        Invalid: the name or the password will not do.
        AlreadyThere: the name is taken.
        Conflict: nobody active would be left to administer, or the name is the identity provider's to give.
    """
    admins = session.scalars(
        select(UserRow.id).where(UserRow.role == Role.ADMIN, UserRow.active).with_for_update()
    ).all()
    user = session.get(UserRow, user_id, with_for_update=True)
    if user is None:
        raise Missing("There is no such user.")
    stays_admin = (role or user.role) is Role.ADMIN and (user.active if active is None else active)
    if list(admins) == [user.id] and not stays_admin:
        raise Conflict("This is the last active administrator: make another one first.")
    if username is not None:
        _rename(session, user, _username(username))
    if password is not None:
        user.password_hash = _hash(_password(password, user.username))
    if role is not None:
        user.role = role
    if active is not None:
        user.active = active
    if password is not None or not user.active:
        end_sign_ins(session, user.id)
    session.flush()
    changed = {
        "username": user.username,
        "password": password is not None,
        "role": user.role.value,
        "active": user.active,
    }
    record(session, caller, "user.changed", f"user:{user.id}", changed)
    return user


def _rename(session: Session, user: UserRow, name: str) -> None:
    if name == user.username:
        return
    if user.outside is not None:
        raise Conflict("This person's name is the identity provider's to give: change it there.")
    _check_free(session, name)
    user.username = name


def _check_free(session: Session, name: str) -> None:
    if session.scalar(select(UserRow.id).where(UserRow.username == name)) is not None:
        raise AlreadyThere(f"There is already a user {name!r}.")


def end_sign_ins(session: Session, user_id: int) -> None:
    """Every refresh token of the person, and each access token that came with one, works no longer."""
    session.execute(
        update(RefreshTokenRow)
        .where(RefreshTokenRow.user_id == user_id, RefreshTokenRow.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )


def check_password(session: Session, username: str, password: str) -> UserRow:
    """The active person with this name and password.

    Takes as long for a name that is not there as for a wrong password, and says the same.

    Raises:
        Unauthenticated: anything else.
    """
    name = unicodedata.normalize("NFKC", username).strip().lower()
    known = _USERNAME.fullmatch(name) is not None
    user = session.scalar(select(UserRow).where(UserRow.username == name)) if known else None
    matches = _verify(user.password_hash if user is not None else _decoy(), password)
    if user is None or not matches or not user.active:
        raise Unauthenticated("The user name or the password is wrong.")
    return user


def create_api_key(
    session: Session,
    caller: Caller,
    *,
    name: str,
    role: Role,
    expires_at: datetime | None = None,
    scopes: Sequence[str] | None = None,
) -> tuple[ApiKeyRow, str]:
    """A new key for a program, and its secret, which is nowhere kept.

    Raises:
        Invalid: it would have expired already, or its name cannot be read.
    """
    known_as = _key_name(name)
    if expires_at is not None and expires_at <= utc_now():
        raise Invalid(
            "The key would have expired already.",
            problems=[Problem(("body", "expires_at"), "must lie in the future")],
        )
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKeyRow(
        name=known_as,
        role=role,
        scopes=None if scopes is None else sorted(set(scopes)),
        key_hash=digest_of_key(secret),
        prefix=secret[:_SHOWN_CHARS],
        created_by=caller.key,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    record(session, caller, "api_key.created", f"key:{row.id}", {"name": known_as, "role": role.value})
    return row, secret


def _key_name(name: str) -> str:
    """The name on one line: it stands in logs, in lists and beside decisions. Raises Invalid."""
    cleaned = " ".join(name.split())
    if not cleaned or not cleaned.isprintable():
        rule = "must be visible characters"
        raise Invalid(f"The key's name {rule}.", problems=[Problem(("body", "name"), rule)])
    return cleaned


def revoke_api_key(session: Session, caller: Caller, key_id: int) -> None:
    """The key works no longer; its row stays, for the log's sake.

    Raises:
        Missing: there is no such key, or it was revoked before.
    """
    row = session.get(ApiKeyRow, key_id, with_for_update=True)
    if row is None or row.revoked_at is not None:
        raise Missing("There is no such API key.")
    row.revoked_at = utc_now()
    record(session, caller, "api_key.revoked", f"key:{row.id}", {"name": row.name})


def check_api_key(database: Database, digest: bytes) -> tuple[Caller, bool]:
    """The program that bears a key, by `digest_of_key`, and whether its use should be noted with `touch_api_key`.

    What a lookup's timing tells about a digest says nothing about the secret.

    Raises:
        Unauthenticated: unknown, revoked or expired.
    """
    return program(_BY_HASH.at(database, {"key_hash": digest}))


def program(row: tuple[Any, ...] | None) -> tuple[Caller, bool]:
    """The same, by what the database has of the key (`KEY`). Raises as `check_api_key` does."""
    now = utc_now()
    if row is None:
        raise Unauthenticated(_NO_KEY)
    key_id, name, role, scopes, expires_at, revoked_at, last_used_at = row
    if revoked_at is not None or (expires_at is not None and expires_at <= now):
        raise Unauthenticated(_NO_KEY)
    stale = last_used_at is None or now - last_used_at >= _LAST_USE_GRAIN
    return Caller(
        key=f"key:{key_id}", name=name, role=role, scopes=None if scopes is None else frozenset(scopes)
    ), stale


def touch_api_key(session: Session, caller: Caller) -> None:
    """Note that the key was used just now. Called once a minute at most, so that reads stay reads."""
    key_id = int(caller.key.removeprefix("key:"))
    session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key_id).values(last_used_at=utc_now()))


def find_vouched(session: Session, vouched: Vouched) -> UserRow | None:
    """The person whom the provider vouches for, if the row is as the provider has it now.

    Raises:
        Unauthenticated: the person was switched off here.
    """
    user = session.scalar(select(UserRow).where(UserRow.outside == vouched.subject))
    if user is not None and not user.active:
        raise Unauthenticated("This account was switched off.")
    return user if user is not None and user.role is vouched.role else None


def welcome_vouched(session: Session, vouched: Vouched) -> UserRow:
    """The person whom the provider vouches for: made at the first visit, with the role that the provider says now.

    A name that somebody here has already is not shared: the newcomer's is made longer.
    """
    user = session.scalar(select(UserRow).where(UserRow.outside == vouched.subject).with_for_update())
    if user is None:
        taken = session.scalar(select(UserRow.id).where(UserRow.username == vouched.name)) is not None
        name = f"{vouched.name}-{vouched.subject[:8]}" if taken else vouched.name
        nobody_knows = _hash(secrets.token_urlsafe(32))
        user = UserRow(username=name, password_hash=nobody_knows, role=vouched.role, outside=vouched.subject)
        session.add(user)
        session.flush()
        record(session, SYSTEM, "user.vouched", f"user:{user.id}", {"username": name, "role": user.role.value})
    elif user.role is not vouched.role:
        user.role = vouched.role
        record(session, SYSTEM, "user.changed", f"user:{user.id}", {"role": user.role.value})
    return user


def user_caller(user: UserRow) -> Caller:
    """A person as a caller."""
    return Caller(key=f"user:{user.id}", name=user.username, role=user.role, user_id=user.id)


def _username(given: str) -> str:
    """The name as it is kept: NFKC, lower case."""
    name = unicodedata.normalize("NFKC", given).strip().lower()
    if _USERNAME.fullmatch(name) is None:
        rule = "must have 1 to 100 letters, digits or . _ @ + -"
        raise Invalid(f"The user name {rule}.", problems=[Problem(("body", "username"), rule)])
    return name


def _password(given: str, username: str) -> str:
    if not MIN_PASSWORD_CHARS <= len(given) <= MAX_PASSWORD_CHARS:
        rule = f"must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"
    elif given.lower() == username:
        rule = "must differ from the user name"
    else:
        return given
    raise Invalid(f"The password {rule}.", problems=[Problem(("body", "password"), rule)])


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _decoy() -> str:
    """A hash that no password fits: checked against when the name is unknown, so that it takes as long."""
    return _hash(secrets.token_urlsafe(32))


def _hash(password: str) -> str:
    return _hasher().hash(_encoded(password))


def _verify(hashed: str, password: str) -> bool:
    try:
        return _hasher().verify(hashed, _encoded(password))
    except (VerificationError, InvalidHashError):
        return False


def _encoded(password: str) -> bytes:
    """The same password typed on another keyboard may be composed differently; lone surrogates are kept."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def digest_of_key(secret: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
