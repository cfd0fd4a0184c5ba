"""Sign-ins: short-lived access tokens and the refresh tokens that renew them.

A sign-in is a family of refresh tokens of which only the newest works. Whoever shows an older one has a
copy of it: the family ends for both. An access token bears its family's name in `jti` and works no longer
than the family does, so signing out, a new password and a revoked family take effect at once.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from jose import jwt
from jose.exceptions import JOSEError
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from models.errors import Unauthenticated
from models.settings import Settings
from models.steps.accounts import Caller, user_caller
from models.store.tables import RefreshTokenRow, UserRow
from models.store.types import utc_now

ALGORITHM = "HS256"
ISSUER = "winnow"
AUDIENCE = "winnow-api"
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_MAX_TOKEN_CHARS = 4096


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person gets for a password or a refresh token.

    Attributes:
        expires_in: seconds for which the access token works.
    """

    access_token: str
    refresh_token: str
    expires_in: int


def start(session: Session, user: UserRow, settings: Settings) -> SignIn:
    """A new sign-in of a person whose password has been checked."""
    return _issue(session, user.id, secrets.token_hex(16), settings)


def renew(session: Session, refresh_token: str, settings: Settings) -> SignIn | None:
    """The next tokens of a sign-in, for its newest refresh token, which works no longer.

    Returns:
        None where the token is unknown, expired, revoked or was used before. In the last case the family
        has been ended in this transaction: commit it, then refuse.
    """
    row = session.scalar(
        select(RefreshTokenRow).where(RefreshTokenRow.token_hash == _digest(refresh_token)).with_for_update()
    )
    if row is None or row.revoked_at is not None:
        return None
    if row.used_at is not None:
        _end_family(session, row.family)
        return None
    user = session.get(UserRow, row.user_id)
    if user is None or not user.active or row.expires_at <= utc_now():
        return None
    row.used_at = utc_now()
    return _issue(session, row.user_id, row.family, settings)


def end(session: Session, refresh_token: str) -> None:
    """Sign out. An unknown token is no error: the caller wanted it not to work, and it does not."""
    family = session.scalar(select(RefreshTokenRow.family).where(RefreshTokenRow.token_hash == _digest(refresh_token)))
    if family is not None:
        _end_family(session, family)


def check(session: Session, access_token: str, settings: Settings) -> Caller:
    """The person who bears this access token.

    Raises:
        Unauthenticated: forged, expired, signed out, or the person was switched off.
    """
    refused = Unauthenticated("The access token is not valid or has expired: sign in again.")
    if len(access_token) > _MAX_TOKEN_CHARS or _COMPACT.fullmatch(access_token) is None:
        raise refused
    required = {f"require_{claim}": True for claim in ("iss", "aud", "sub", "exp", "iat", "jti")}
    try:
        claims = jwt.decode(
            access_token,
            settings.signing_key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options=required,
        )
    except JOSEError as error:
        raise refused from error
    kind, _, number = str(claims["sub"]).partition(":")
    family = str(claims["jti"]).partition(".")[0]
    if kind != "user" or not number.isdecimal():
        raise refused
    lives = exists().where(
        RefreshTokenRow.family == family,
        RefreshTokenRow.user_id == UserRow.id,
        RefreshTokenRow.revoked_at.is_(None),
    )
    user = session.scalar(select(UserRow).where(UserRow.id == int(number), UserRow.active, lives))
    if user is None:
        raise refused
    return user_caller(user)


def _issue(session: Session, user_id: int, family: str, settings: Settings) -> SignIn:
    now = utc_now()
    refresh_token = secrets.token_urlsafe(32)
    session.add(
        RefreshTokenRow(
            user_id=user_id,
            token_hash=_digest(refresh_token),
            family=family,
            expires_at=now + timedelta(days=settings.refresh_token_days),
        )
    )
    lifetime = timedelta(minutes=settings.access_token_minutes)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"user:{user_id}",
        "iat": now,
        "exp": now + lifetime,
        "jti": f"{family}.{secrets.token_hex(8)}",
    }
    access_token = jwt.encode(claims, settings.signing_key, algorithm=ALGORITHM)
    session.flush()
    return SignIn(access_token, refresh_token, int(lifetime.total_seconds()))


def _end_family(session: Session, family: str) -> None:
    session.execute(
        update(RefreshTokenRow)
        .where(RefreshTokenRow.family == family, RefreshTokenRow.revoked_at.is_(None))
        .values(revoked_at=utc_now())
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
