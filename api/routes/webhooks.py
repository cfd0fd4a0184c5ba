"""Webhooks: programs are told of what happens instead of asking for it."""

from typing import Annotated

from fastapi import APIRouter, Response

from api import policies
from api.conditional import If, tagged
from api.deps import GatedRoute, Read, TheSettings, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, MayBeEmpty, Paged, RowId, Slug, cursor_after
from api.schemas.webhooks import DeliveryOut, NewWebhook, WebhookChangesIn, WebhookOut
from api.throttle import RouteClass
from models.steps import projects, webhooks
from models.steps.accounts import Caller
from models.store.queries.webhooks import deliveries_page, webhooks_page
from models.vocabulary import DeliveryStatus

router = APIRouter(prefix="/v1/projects/{slug}/webhooks", tags=["Webhooks"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_manage_webhooks, RouteClass.READ)]
Manager = Annotated[Caller, allow(policies.may_manage_webhooks)]


@router.get("")
def list_webhooks(caller: Reader, slug: Slug, session: Read, window: Paged) -> Listing[WebhookOut]:
    """List a project's webhooks, newest first, without their secrets."""
    project = projects.find_project(session, caller, slug)
    page = webhooks_page(session, project.id, after=window.after, limit=window.limit)
    return Listing(items=[WebhookOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.post("", status_code=201)
def create_webhook(
    caller: Manager,
    slug: Slug,
    body: NewWebhook,
    session: Write,
    settings: TheSettings,
    once: Keyed,
    response: Response,
) -> WebhookOut:
    """Tell an address of some events from now on. The secret is shown in this answer and never again."""

    def create() -> WebhookOut:
        project = projects.find_project(session, caller, slug)
        row, secret = webhooks.create_webhook(
            session, caller, project, settings, url=body.url, events=body.events, secret=body.secret
        )
        return WebhookOut.of(row, secret)

    return tagged(response, once(WebhookOut, session, create))


@router.get("/{webhook_id}")
def show_webhook(caller: Reader, slug: Slug, webhook_id: RowId, session: Read, condition: If) -> WebhookOut:
    """Show a webhook, without its secret."""
    project = projects.find_project(session, caller, slug)
    return condition.tag(WebhookOut.of(webhooks.find_webhook(session, project, webhook_id)))


@router.patch("/{webhook_id}")
def update_webhook(
    caller: Manager,
    slug: Slug,
    webhook_id: RowId,
    body: WebhookChangesIn,
    session: Write,
    settings: TheSettings,
    condition: If,
) -> WebhookOut:
    """Change a webhook, switch it off and on, or give it a new secret, beside which the old one signs for a day."""
    project = projects.find_project(session, caller, slug)
    condition.check(WebhookOut.of(webhooks.find_webhook(session, project, webhook_id, lock=True)))
    row, secret = webhooks.update_webhook(session, caller, project, settings, webhook_id, body.plan())
    return condition.tag(WebhookOut.of(row, secret))


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(caller: Manager, slug: Slug, webhook_id: RowId, session: Write, condition: If) -> None:
    """Tell the address no more; messages that wait go with it."""
    project = projects.find_project(session, caller, slug)
    condition.check(WebhookOut.of(webhooks.find_webhook(session, project, webhook_id, lock=True)))
    webhooks.delete_webhook(session, caller, project, webhook_id)


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    caller: Reader,
    slug: Slug,
    webhook_id: RowId,
    session: Read,
    window: Paged,
    status: Annotated[DeliveryStatus | None, MayBeEmpty] = None,
) -> Listing[DeliveryOut]:
    """List a webhook's messages, newest first, with their attempts; those acknowledged are kept for 30 days."""
    project = projects.find_project(session, caller, slug)
    row = webhooks.find_webhook(session, project, webhook_id)
    page = deliveries_page(session, row.id, after=window.after, limit=window.limit, status=status)
    return Listing(items=[DeliveryOut.of(one) for one in page.rows], next_cursor=cursor_after(page.next_after))


@router.post("/{webhook_id}/test", status_code=202)
def send_test(caller: Manager, slug: Slug, webhook_id: RowId, session: Write, once: Keyed) -> DeliveryOut:
    """Send a message of type `webhook.test`, whatever events the webhook wants."""

    def send() -> DeliveryOut:
        project = projects.find_project(session, caller, slug)
        return DeliveryOut.of(webhooks.send_test(session, caller, project, webhook_id))

    return once(DeliveryOut, session, send)


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202)
def replay_delivery(
    caller: Manager, slug: Slug, webhook_id: RowId, delivery_id: RowId, session: Write, once: Keyed
) -> DeliveryOut:
    """Send a message again, whatever became of it: the same id and body, with a fresh signature."""

    def again() -> DeliveryOut:
        project = projects.find_project(session, caller, slug)
        return DeliveryOut.of(webhooks.replay(session, caller, project, webhook_id, delivery_id))

    return once(DeliveryOut, session, again)
