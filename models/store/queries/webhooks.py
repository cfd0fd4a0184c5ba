"""Reads of webhooks and their deliveries."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, newest_first
from models.store.tables import DeliveryRow, WebhookRow
from models.vocabulary import DeliveryStatus


def webhooks_page(session: Session, project_id: int, *, after: int | None, limit: int) -> Page[WebhookRow]:
    """A project's webhooks, newest first."""
    query = select(WebhookRow).where(WebhookRow.project_id == project_id)
    return newest_first(session, query, WebhookRow.id, after, limit)


def deliveries_page(
    session: Session,
    webhook_id: int,
    *,
    after: int | None,
    limit: int,
    status: DeliveryStatus | None = None,
) -> Page[DeliveryRow]:
    """A webhook's messages, newest first."""
    query = select(DeliveryRow).where(DeliveryRow.webhook_id == webhook_id)
    if status is not None:
        query = query.where(DeliveryRow.status == status)
    return newest_first(session, query, DeliveryRow.id, after, limit)
