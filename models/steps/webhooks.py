"""Webhooks: who is told of what happens in a project. A message is a row of the transaction that causes it."""

import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Conflict, Invalid, Missing, Problem
from models.hooks.addresses import check_url
from models.hooks.signing import check_secret, new_secret, seal
from models.settings import Settings
from models.steps.accounts import Caller, record
from models.store.tables import DeliveryRow, ProjectRow, WebhookRow
from models.store.types import utc_now
from models.vocabulary import DeliveryStatus, Event, Job

KEPT_TRYING = timedelta(days=1)
"""For so long a message is tried."""

OLD_SECRET_SIGNS = timedelta(days=1)
"""For so long a secret signs beside the one that replaced it."""

MAX_WEBHOOKS = 20
"""A project has no more than these: each event is written once for each of them."""

_DELIVERIES = cast("Table", DeliveryRow.__table__)
_FORGET = (
    update(_DELIVERIES)
    .where(_DELIVERIES.c.id == bindparam("which"))
    .values(body=bindparam("message"), response_body=None)  # the receiver may have repeated what it was told
)
_AT_ONCE = 1000

_LISTENING = (
    select(WebhookRow, ProjectRow.slug)
    .join(ProjectRow, ProjectRow.id == WebhookRow.project_id)
    .where(WebhookRow.project_id == bindparam("project_id"), WebhookRow.active.is_(True))
)


@dataclass(frozen=True, slots=True)
class WebhookChanges:
    """What to change about a webhook; None leaves it.

    Attributes:
        rotate: make a new secret, unless one is given.
    """

    url: str | None = None
    events: Sequence[Event] | None = None
    active: bool | None = None
    secret: str | None = None
    rotate: bool = False


def publish(session: Session, project_id: int, event: Event, data: Callable[[], Mapping[str, Any]]) -> int:
    """Leave a message for every webhook of the project that wants the event, behind this transaction.

    Args:
        data: makes the event's data, all of it JSON; called only if somebody listens.

    Returns:
        How many messages were left.
    """
    listening = session.execute(_LISTENING, {"project_id": project_id}).all()
    wanted = [(webhook, slug) for webhook, slug in listening if event.value in webhook.events]
    if not wanted:
        return 0
    told = data()
    for webhook, slug in wanted:
        _leave(session, webhook, event, {"project": slug, **told})
    return len(wanted)


def publish_to_all(session: Session, event: Event, data: Mapping[str, Any]) -> None:
    """As `publish`, for what is about the whole system: each address that wants the event, in any project, once."""
    told: set[str] = set()
    for webhook in session.scalars(select(WebhookRow).where(WebhookRow.active.is_(True)).order_by(WebhookRow.id)):
        if event.value in webhook.events and webhook.url not in told:
            told.add(webhook.url)
            _leave(session, webhook, event, {"project": None, **data})


def forget_items(session: Session, project_id: int, item_ids: Collection[int]) -> None:
    """Take erased items' external ids out of the messages about them. Those that wait are sent without."""
    query = (
        select(DeliveryRow.id, DeliveryRow.body)
        .join(WebhookRow, WebhookRow.id == DeliveryRow.webhook_id)
        .where(WebhookRow.project_id == project_id, DeliveryRow.event == Event.ITEM_DECIDED)
    )
    if len(item_ids) == 1:  # the database looks through many messages more quickly
        query = query.where(or_(*(DeliveryRow.body.contains(f'"item_id":"{one}"') for one in item_ids)))
    gone = {str(one) for one in item_ids}
    about = []
    for delivery_id, body in session.execute(query.execution_options(yield_per=_AT_ONCE)).tuples():
        message = json.loads(body)
        if message["data"].get("item_id") in gone:
            message["data"]["external_id"] = None
            about.append({"which": delivery_id, "message": _written(message)})
    if about:
        session.execute(_FORGET, about)


def create_webhook(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    settings: Settings,
    *,
    url: str,
    events: Sequence[Event],
    secret: str | None = None,
) -> tuple[WebhookRow, str]:
    """Tell an address of some events from now on. Returns the row and the secret, which is not shown again.

    Raises:
        Invalid: the address, the events or the secret will not do.
        AddressRefused: the address is not public.
        Conflict: the project has as many webhooks as it can have.
    """
    address = check_url(url, allow_private=settings.webhook_allow_private)
    chosen = new_secret() if secret is None else check_secret(secret)
    session.refresh(project, with_for_update=True)
    there = session.scalar(select(func.count()).where(WebhookRow.project_id == project.id)) or 0
    if there >= MAX_WEBHOOKS:
        raise Conflict(f"A project has at most {MAX_WEBHOOKS} webhooks: delete one first.")
    row = WebhookRow(project_id=project.id, url=address, events=_names(events), secret=seal(settings, chosen))
    session.add(row)
    session.flush()
    record(session, caller, "webhook.create", f"{project.slug}/{row.id}", {"events": row.events})
    return row, chosen


def find_webhook(session: Session, project: ProjectRow, webhook_id: int, *, lock: bool = False) -> WebhookRow:
    """A webhook of this project. Raises Missing."""
    row = session.get(WebhookRow, webhook_id, with_for_update=lock)
    if row is None or row.project_id != project.id:
        raise Missing("The project has no such webhook.")
    return row


def update_webhook(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    settings: Settings,
    webhook_id: int,
    changes: WebhookChanges,
) -> tuple[WebhookRow, str | None]:
    """Change a webhook. Returns the row, and the secret if there is a new one.

    Raises:
        Missing: the project has no such webhook.
        Invalid, AddressRefused: as for `create_webhook`.
    """
    row = find_webhook(session, project, webhook_id, lock=True)
    if changes.url is not None:
        row.url = check_url(changes.url, allow_private=settings.webhook_allow_private)
        row.failures, row.resting_until = 0, None
    if changes.events is not None:
        row.events = _names(changes.events)
    secret = None
    if changes.secret is not None or changes.rotate:
        secret = new_secret() if changes.secret is None else check_secret(changes.secret)
        row.previous_secret, row.previous_until = row.secret, utc_now() + OLD_SECRET_SIGNS
        row.secret = seal(settings, secret)
    if changes.active is not None:
        resumed = changes.active and not row.active
        row.active = changes.active
        if resumed:
            _resume(session, row)
    session.flush()
    detail = {"events": row.events, "active": row.active, "new_secret": secret is not None}
    record(session, caller, "webhook.update", f"{project.slug}/{row.id}", detail)
    return row, secret


def delete_webhook(session: Session, caller: Caller, project: ProjectRow, webhook_id: int) -> None:
    """Tell the address no more; its messages go with it. Raises Missing."""
    row = find_webhook(session, project, webhook_id, lock=True)
    record(session, caller, "webhook.delete", f"{project.slug}/{row.id}")
    session.delete(row)
    session.flush()


def send_test(session: Session, caller: Caller, project: ProjectRow, webhook_id: int) -> DeliveryRow:
    """Leave a test message for one webhook, whatever events it wants.

    Raises:
        Missing: the project has no such webhook.
        Conflict: it is switched off.
    """
    row = find_webhook(session, project, webhook_id)
    _refuse_inactive(row)
    told = {"project": project.slug, "webhook_id": str(row.id), "asked_by": caller.name}
    return _leave(session, row, Event.WEBHOOK_TEST, told)


def replay(session: Session, caller: Caller, project: ProjectRow, webhook_id: int, delivery_id: int) -> DeliveryRow:
    """Send a message again, now, whatever became of it: the same id and body, a fresh signature.

    Raises:
        Missing: there is no such webhook or message.
        Conflict: the webhook is switched off.
    """
    webhook = find_webhook(session, project, webhook_id, lock=True)
    _refuse_inactive(webhook)
    row = session.get(DeliveryRow, delivery_id, with_for_update=True, populate_existing=True)
    if row is None or row.webhook_id != webhook.id:
        raise Missing("The webhook has no such delivery.")
    webhook.resting_until = None
    _try_again(session, row)
    record(session, caller, "webhook.replay", f"{project.slug}/{webhook.id}", {"delivery_id": str(row.id)})
    session.flush()
    return row


def _leave(session: Session, webhook: WebhookRow, event: Event, data: Mapping[str, Any]) -> DeliveryRow:
    now = utc_now()
    message = {"type": event.value, "timestamp": now.isoformat().replace("+00:00", "Z"), "data": data}
    row = DeliveryRow(
        webhook_id=webhook.id,
        message_id=f"msg_{uuid.uuid4().hex}",
        event=event,
        body=_written(message),
        next_attempt_at=now,
        give_up_at=now + KEPT_TRYING,
    )
    session.add(row)
    session.flush()
    _send_soon(session, row)
    return row


def _written(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _resume(session: Session, webhook: WebhookRow) -> None:
    """What waited while the webhook was off is sent now, and has a whole day again."""
    webhook.failures, webhook.resting_until = 0, None
    waiting = select(DeliveryRow).where(
        DeliveryRow.webhook_id == webhook.id, DeliveryRow.status == DeliveryStatus.PENDING
    )
    for row in session.scalars(waiting.order_by(DeliveryRow.id)):
        _try_again(session, row)


def _try_again(session: Session, row: DeliveryRow) -> None:
    now = utc_now()
    row.status, row.finished_at = DeliveryStatus.PENDING, None
    row.next_attempt_at, row.give_up_at = now, now + KEPT_TRYING
    _send_soon(session, row)


def _send_soon(session: Session, row: DeliveryRow) -> None:
    # No project: whoever follows a project's jobs sees the work on its data, not the post.
    job = jobs.enqueue(session, Job.DELIVER, key=f"deliver:{row.id}", payload={"delivery_id": row.id})
    if job.due_at > utc_now():
        jobs.hasten(session, job)


def _refuse_inactive(row: WebhookRow) -> None:
    if not row.active:
        raise Conflict("The webhook is switched off: set it active first.")


def _names(events: Sequence[Event]) -> list[str]:
    names = list(dict.fromkeys(event.value for event in events))
    if not names:
        rule = "must name at least one event"
        raise Invalid(f"The webhook {rule}.", problems=[Problem(("body", "events"), rule)])
    return names
