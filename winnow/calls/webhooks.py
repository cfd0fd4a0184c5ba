"""Webhooks: being told of what happens instead of asking for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from winnow.connection import Connection, new_key, v1
from winnow.schemas_webhooks import Delivery, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class WebhookCalls(Connection):
    """Calls about webhooks and their messages."""

    def webhooks(self, slug: str) -> list[Webhook]:
        """The webhooks of a project, newest first."""
        return list(self._pages(v1("projects", slug, "webhooks"), Webhook))

    def create_webhook(self, slug: str, url: str, events: Sequence[str], *, secret: str | None = None) -> Webhook:
        """Tells an address of some events from now on.

        Args:
            slug: the project.
            url: where to POST; a public address, unless the operator allows others.
            events: such as `item.decided`, `model.promoted`, `alert.fired`, `import.finished`.
            secret: `whsec_` and the base64 of 24 to 64 bytes; the server makes one if None.

        Returns:
            The webhook with its `secret`, which is not shown again.
        """
        body: dict[str, Any] = {"url": url, "events": list(events)}
        if secret is not None:
            body["secret"] = secret
        return self._post(v1("projects", slug, "webhooks"), Webhook, body, key=new_key())

    def webhook(self, slug: str, webhook_id: str) -> Webhook:
        """A webhook by itself, with its `etag`."""
        return self._get(v1("projects", slug, "webhooks", webhook_id), Webhook)

    def update_webhook(
        self,
        slug: str,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        active: bool | None = None,
        secret: str | None = None,
        rotate_secret: bool = False,
        if_match: str | None = None,
    ) -> Webhook:
        """Changes what is given; beside a new secret the old one signs for a day.

        With `if_match` only if it still has that `etag`.
        """
        given = {"url": url, "events": None if events is None else list(events), "active": active, "secret": secret}
        changes = {name: value for name, value in given.items() if value is not None}
        if rotate_secret:
            changes["rotate_secret"] = True
        return self._patch(v1("projects", slug, "webhooks", webhook_id), Webhook, changes, if_match=if_match)

    def delete_webhook(self, slug: str, webhook_id: str, *, if_match: str | None = None) -> None:
        """Tells the address no more; with `if_match` only if it still has that `etag`."""
        self._delete(v1("projects", slug, "webhooks", webhook_id), if_match=if_match)

    def deliveries(self, slug: str, webhook_id: str, *, status: str | None = None) -> Iterator[Delivery]:
        """The messages of a webhook, newest first, fetched page by page."""
        return self._pages(v1("projects", slug, "webhooks", webhook_id, "deliveries"), Delivery, status=status)

    def test_webhook(self, slug: str, webhook_id: str) -> Delivery:
        """Sends a message of type `webhook.test`."""
        return self._post(v1("projects", slug, "webhooks", webhook_id, "test"), Delivery, key=new_key())

    def replay_delivery(self, slug: str, webhook_id: str, delivery_id: str) -> Delivery:
        """Sends a message again: the same id and body, with a fresh signature."""
        path = v1("projects", slug, "webhooks", webhook_id, "deliveries", delivery_id, "replay")
        return self._post(path, Delivery, key=new_key())
