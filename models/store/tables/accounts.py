"""Who may come in: people, keys for programs, refresh tokens, and the log of what was done."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json
from models.vocabulary import Role


class UserRow(Numbered, Row):
    """A person. The user name is kept in lower case; the password only as an argon2 hash.

    Attributes:
        outside: of a person whom an outside identity provider vouches for: the hash of its issuer and subject.
    """

    __tablename__ = "user"
    __table_args__ = constraints(UniqueConstraint("username"), Index("uq_user_outside", "outside", unique=True))

    username: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(Enumerated(Role))
    active: Mapped[bool] = mapped_column(default=True)
    outside: Mapped[str | None] = mapped_column(String(64))


class ApiKeyRow(Numbered, Row):
    """A program's key; only its hash is kept. `prefix` lets people recognise it.

    Attributes:
        scopes: names of the permissions it is narrowed to; None for all of its role.
    """

    __tablename__ = "api_key"
    __table_args__ = constraints(UniqueConstraint("key_hash"))

    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[Role] = mapped_column(Enumerated(Role))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    prefix: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[str] | None] = mapped_column(Json)
    created_by: Mapped[str | None] = mapped_column(String(100))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RefreshTokenRow(Numbered, Row):
    """One refresh token of a family. Using one twice means it was stolen: the family ends."""

    __tablename__ = "refresh_token"
    __table_args__ = constraints(UniqueConstraint("token_hash"), Index(None, "family"))

    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("user.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    family: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditLogRow(Numbered, Row):
    """Who did what to what. Append-only; holds ids and names, never texts of items."""

    __tablename__ = "audit_log"
    __table_args__ = constraints()

    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any] | None] = mapped_column(Json)


class IdempotencyRow(Numbered, Row):
    """The first answer to a keyed request, given again when the same request returns."""

    __tablename__ = "idempotency"
    __table_args__ = constraints(UniqueConstraint("caller", "key"))

    caller: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status_code: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)
