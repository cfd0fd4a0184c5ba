"""Webhook messages on their way: tried until they are acknowledged, less and less often, for a day.

A receiver that is away rests: its other messages wait with it, so that a hundred of them do not keep a worker waiting
a hundred times. One that is slow rests in proportion, for the same reason.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import SystemRandom

from sqlalchemy.orm import Session

from models.errors import Unavailable
from models.hooks.sending import Outcome, Sender
from models.hooks.signing import signature, unseal
from models.settings import Settings
from models.store.tables import DeliveryRow, WebhookRow
from models.store.types import utc_now
from models.vocabulary import DeliveryStatus
from models.work import Work

_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=4)
_LONGEST_REST = timedelta(minutes=15)
_GROWTH = 4
_SLOW_SECONDS = 1.0
_REST_PER_SECOND = 3
_LOGGED = 50
_GONE = 410
_TOO_MANY = 429
_SERVER_ERRORS = 500
_SPREAD = SystemRandom()


def run_deliver(work: Work) -> None:
    """Make one attempt; come back later where it was not acknowledged."""
    settings = work.runtime.settings
    with work.runtime.database.read() as session:
        delivery = session.get(DeliveryRow, work.claim.payload["delivery_id"])
        webhook = session.get(WebhookRow, delivery.webhook_id) if delivery is not None else None
    if delivery is None or webhook is None or not webhook.active or delivery.status is not DeliveryStatus.PENDING:
        return
    now = utc_now()
    latest = min(delivery.give_up_at, now + _LONGEST_REST)  # what is later was written before the clock was set back
    if webhook.resting_until is not None and now < webhook.resting_until < latest:
        with work.putting_off(webhook.resting_until + jittered(_FIRST_WAIT)) as session:
            _wait_until(session, delivery.id, webhook.resting_until)
        return
    if delivery.attempts and now > delivery.give_up_at:
        outcome = Outcome(None, None, "given up: not acknowledged for a day", 0.0)
    else:
        outcome = attempt(settings, webhook, delivery, now)
    next_at = _next_attempt(delivery, outcome)
    with _ending(work, next_at) as session:
        _record(session, delivery, outcome, next_at)


def attempt(settings: Settings, webhook: WebhookRow, delivery: DeliveryRow, now: datetime) -> Outcome:
    """Send a message once, signed as of now."""
    try:
        secrets = [unseal(settings, webhook.secret)]
        if webhook.previous_secret is not None and webhook.previous_until is not None and now < webhook.previous_until:
            secrets.append(unseal(settings, webhook.previous_secret))
    except Unavailable as error:
        return Outcome(None, None, error.detail, 0.0)
    body, timestamp = delivery.body.encode(), int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "Winnow-Webhooks/1",
        "accept-encoding": "identity",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secrets, delivery.message_id, timestamp, body),
    }
    sender = Sender(seconds=settings.webhook_timeout_seconds, allow_private=settings.webhook_allow_private)
    return sender.send(webhook.url, body, headers)


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 5 s, 20 s, 80 s, … at most 4 h, each a fifth more or less."""
    return jittered(min(_FIRST_WAIT * _GROWTH ** min(attempts - 1, 10), _LONGEST_WAIT))


def jittered(wait: timedelta) -> timedelta:
    """The wait, a fifth more or less: what failed together does not come back together."""
    return wait * _SPREAD.uniform(0.8, 1.2)


def _next_attempt(delivery: DeliveryRow, outcome: Outcome) -> datetime | None:
    """When to try again; None where nothing is left to try."""
    if outcome.acknowledged or outcome.status == _GONE:
        return None
    at = utc_now() + back_off(delivery.attempts + 1)
    return at if at <= delivery.give_up_at else None


@contextmanager
def _ending(work: Work, next_at: datetime | None) -> Iterator[Session]:
    if next_at is None:
        with work.completing() as session:
            yield session
    else:
        with work.putting_off(next_at) as session:
            yield session


def _wait_until(session: Session, delivery_id: int, moment: datetime) -> None:
    row = session.get(DeliveryRow, delivery_id)
    if row is not None:
        row.next_attempt_at = moment


def _record(session: Session, tried: DeliveryRow, outcome: Outcome, next_at: datetime | None) -> None:
    webhook = session.get(WebhookRow, tried.webhook_id, with_for_update=True)
    row = session.get(DeliveryRow, tried.id, with_for_update=True)
    if webhook is None or row is None:
        return  # deleted while the message was on its way
    now = utc_now()
    row.attempts += 1
    row.response_status, row.response_body, row.error = outcome.status, outcome.body, outcome.error
    row.next_attempt_at = next_at
    if outcome.acknowledged:
        row.status, row.finished_at = DeliveryStatus.DELIVERED, now
    elif next_at is None:
        row.status, row.finished_at = DeliveryStatus.FAILED, now
    entry = {
        "at": now.isoformat().replace("+00:00", "Z"),
        "status": outcome.status,
        "error": outcome.error,
        "seconds": outcome.seconds,
    }
    row.log = [*row.log, entry][-_LOGGED:]
    _rest(webhook, outcome, now)


def _rest(webhook: WebhookRow, outcome: Outcome, now: datetime) -> None:
    away = not outcome.acknowledged and (
        outcome.status is None or outcome.status == _TOO_MANY or outcome.status >= _SERVER_ERRORS
    )
    if outcome.status == _GONE:
        webhook.active = False  # the receiver wants no more; so the specification has it
    if away:
        webhook.failures += 1
        webhook.resting_until = now + min(_FIRST_WAIT * 2 ** min(webhook.failures - 1, 10), _LONGEST_REST)
    else:
        webhook.failures = 0
        slow = outcome.seconds > _SLOW_SECONDS
        webhook.resting_until = now + timedelta(seconds=_REST_PER_SECOND * outcome.seconds) if slow else None
