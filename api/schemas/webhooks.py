"""Webhooks and what became of their messages."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field

from api.schemas.base import Moment, Output, OutputId, Schema
from models.numbers import Flag
from models.steps.webhooks import WebhookChanges
from models.store.tables import DeliveryRow, WebhookRow
from models.vocabulary import DeliveryStatus, Event

Address = Annotated[str, Field(min_length=1, max_length=2000, description="Where to POST; a public address.")]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(Event))]
Secret = Annotated[
    str,
    Field(min_length=1, max_length=200, description="`whsec_` and the base64 of 24 to 64 bytes; made if left out."),
]


class NewWebhook(Schema):
    """An address to be told of events."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"url": "https://example.com/winnow", "events": ["item.decided", "model.promoted"]}]
        }
    )

    url: Address
    events: Events
    secret: Secret | None = None


class WebhookChangesIn(Schema):
    """What to change about a webhook; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rotate_secret": True}]})

    url: Address | None = None
    events: Events | None = None
    active: Flag | None = Field(default=None, description="Switched off, it is told nothing; what waits goes on later.")
    secret: Secret | None = None
    rotate_secret: Flag = Field(default=False, description="Make a new secret; the old one signs too for a day.")

    def plan(self) -> WebhookChanges:
        """As the domain takes it."""
        return WebhookChanges(self.url, self.events, self.active, self.secret, self.rotate_secret)


class WebhookOut(Output):
    """A webhook. `secret` is there only in the answer that made it."""

    unedited: ClassVar[frozenset[str]] = frozenset({"failures"})
    told_once: ClassVar[frozenset[str]] = frozenset({"secret"})
    id: OutputId
    url: str
    events: list[Event]
    active: bool
    secret: str | None = None
    previous_secret_until: Moment | None = Field(description="Until then the secret before signs too.")
    failures: int = Field(description="How often in a row the receiver was away.")
    created_at: Moment

    @classmethod
    def of(cls, row: WebhookRow, secret: str | None = None) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            url=row.url,
            events=[Event(name) for name in row.events],
            active=row.active,
            secret=secret,
            previous_secret_until=row.previous_until,
            failures=row.failures,
            created_at=row.created_at,
        )


class DeliveryOut(Output):
    """A message and its attempts: `pending` until it is acknowledged (`delivered`) or given up (`failed`)."""

    id: OutputId
    message_id: str = Field(description="The `webhook-id` that the receiver sees, at every attempt the same.")
    event: Event
    status: DeliveryStatus
    attempts: int
    next_attempt_at: Moment | None
    finished_at: Moment | None
    response_status: int | None
    response_body: str | None = Field(description="The beginning of the last answer.")
    error: str | None
    log: list[dict[str, Any]] = Field(description="The last attempts: `at`, `status`, `error`, `seconds`.")
    body: str = Field(description="What is sent and signed.")
    created_at: Moment

    @classmethod
    def of(cls, row: DeliveryRow) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            message_id=row.message_id,
            event=row.event,
            status=row.status,
            attempts=row.attempts,
            next_attempt_at=row.next_attempt_at,
            finished_at=row.finished_at,
            response_status=row.response_status,
            response_body=row.response_body,
            error=row.error,
            log=row.log,
            body=row.body,
            created_at=row.created_at,
        )
