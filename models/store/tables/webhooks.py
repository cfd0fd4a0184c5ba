"""Who is told of what happens in a project, and what became of each message."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json
from models.vocabulary import DeliveryStatus, Event


class WebhookRow(Numbered, Row):
    """An address that is told of some events.

    Attributes:
        secret: what signs, sealed with the operator's key; see `models.hooks.signing`.
        previous_secret: the one before, which signs too until `previous_until`.
        failures: how often in a row the receiver was away.
        resting_until: after it was away, nothing is sent before this moment.
    """

    __tablename__ = "webhook"
    __table_args__ = constraints(Index(None, "project_id"))

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[str]] = mapped_column(Json, default=list)
    active: Mapped[bool] = mapped_column(default=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    resting_until: Mapped[datetime | None]


class DeliveryRow(Numbered, Row):
    """One message to one webhook, kept until it is acknowledged, and for a while after as the log.

    Attributes:
        message_id: what the receiver knows it by; the same at each attempt and each replay.
        body: the very bytes that are signed and sent, as text.
        give_up_at: no attempt is made after this moment.
        log: the attempts, oldest first: `{"at", "status", "error", "seconds"}`.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = constraints(UniqueConstraint("message_id"), Index(None, "webhook_id", "id"))

    webhook_id: Mapped[int] = mapped_column(BigId, ForeignKey("webhook.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(64))
    event: Mapped[Event] = mapped_column(Enumerated(Event))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[DeliveryStatus] = mapped_column(Enumerated(DeliveryStatus), default=DeliveryStatus.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    give_up_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    response_body: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    log: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
