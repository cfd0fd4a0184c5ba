"""The Python client's webhook calls, and large exports, against the real application on each database."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from models.settings import Settings
from models.store.tables import WebhookRow
from models.vocabulary import Role
from tests.api.conftest import Winnow
from tests.unit.winnow_client.conftest import Answer, LoopbackServer
from winnow import Client, InvalidRequest, NotFound


@pytest.fixture
def client(winnow: Winnow) -> Client:
    return Client(api_key=winnow.keys[Role.MANAGER], http=winnow.http)


@pytest.fixture
def slug(client: Client) -> Iterator[str]:
    made = client.create_project("Told tickets", categories=["Billing", "Login"])
    yield made.slug
    client.delete_project(made.slug)


@pytest.fixture
def receiver() -> Iterator[LoopbackServer]:
    server = LoopbackServer()
    server.behaviour = lambda _asked: Answer({})
    yield server
    server.close()


def test_made_changed_listed_and_deleted(client: Client, slug: str) -> None:
    made = client.create_webhook(slug, "https://example.com/hook", ["item.decided"])
    assert (made.secret or "").startswith("whsec_")
    changed = client.update_webhook(slug, made.id, events=["model.promoted"], active=False)
    assert (changed.events, changed.active, changed.secret) == (["model.promoted"], False, None)
    assert client.update_webhook(slug, made.id, rotate_secret=True).secret not in {None, made.secret}
    assert client.update_webhook(slug, made.id, secret=made.secret).secret == made.secret
    assert [hook.id for hook in client.webhooks(slug)] == [made.id]
    client.delete_webhook(slug, made.id)
    assert client.webhooks(slug) == []
    with pytest.raises(NotFound):
        client.update_webhook(slug, made.id, active=True)
    with pytest.raises(InvalidRequest, match="not a public address"):
        client.create_webhook(slug, "http://localhost/", ["item.decided"])


def test_a_test_message_is_followed_and_replayed(
    winnow: Winnow, client: Client, slug: str, receiver: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.steps.deliver._SLOW_SECONDS", 60.0)  # a stall here is no reason to let a receiver rest
    patient = {"webhook_allow_private": True, "webhook_timeout_seconds": 60}
    allowed = winnow.settings.model_copy(update=patient)
    made = client.create_webhook(slug, "https://example.com/hook", ["item.decided"])
    sent = client.test_webhook(slug, made.id)
    assert (sent.status, sent.event, json.loads(sent.body)["type"]) == ("pending", "webhook.test", "webhook.test")
    with winnow.database.transaction() as session:
        session.get_one(WebhookRow, int(made.id)).url = receiver.url + "/hook"
    monkeypatch.setattr(winnow.context.runtime, "settings", allowed)
    winnow.work()
    (delivered,) = client.deliveries(slug, made.id, status="delivered")
    assert (delivered.id, delivered.attempts, delivered.log[0]["status"]) == (sent.id, 1, 200)
    assert client.replay_delivery(slug, made.id, sent.id).status == "pending"
    winnow.work()
    assert [delivery.attempts for delivery in client.deliveries(slug, made.id)] == [2]
    assert [asked.headers["webhook-id"] for asked in receiver.asked] == [sent.message_id] * 2


def test_a_project_too_large_to_stream_is_fetched_from_its_job(
    winnow: Winnow, client: Client, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.add_items(slug, [f"ticket number {number}" for number in range(5)])
    winnow.work()
    streamed = b"".join(client.export(slug, "jsonl"))
    small = winnow.settings.model_copy(update={"export_stream_items": 4})
    monkeypatch.setitem(winnow.app.state._state, "context", _with(winnow, small))
    wait = client.wait

    def worked(job_id: str) -> object:
        winnow.work()
        return wait(job_id)

    monkeypatch.setattr(client, "wait", worked)
    assert b"".join(client.export(slug, "jsonl")) == streamed
    assert streamed.count(b"\n") == 5


def _with(winnow: Winnow, settings: Settings) -> object:
    return replace(winnow.context, settings=settings)
