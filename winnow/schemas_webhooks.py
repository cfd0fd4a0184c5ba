"""What crosses HTTP about webhooks."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from winnow.schemas import Edited, Schema


class Webhook(Edited):
    """An address that is told of events; `secret` is there only in the answer that made it."""

    id: str
    url: str
    events: list[str]
    active: bool = True
    secret: str | None = None
    previous_secret_until: datetime | None = None
    failures: int = 0
    created_at: datetime | None = None


class Delivery(Schema):
    """A message and its attempts; `body` is what is sent and signed."""

    id: str
    message_id: str
    event: str
    status: Literal["pending", "delivered", "failed"]
    attempts: int = 0
    next_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    response_status: int | None = None
    response_body: str | None = None
    error: str | None = None
    log: list[dict[str, Any]] = Field(default_factory=list)
    body: str = ""
    created_at: datetime | None = None
