"""Webhooks over HTTP: made, changed, tested, followed and replayed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.learn.encoders import Encoder
from tests.api.conftest import Winnow, build, make_project, settings_for
from tests.unit.winnow_client.conftest import Answer, LoopbackServer


@pytest.fixture
def winnow(
    tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Winnow]:
    monkeypatch.setattr("models.steps.deliver._SLOW_SECONDS", 60.0)  # a stall here is no reason to let a receiver rest
    patient = {"webhook_allow_private": True, "webhook_timeout_seconds": 60}
    yield from build(settings_for(tmp_path / "data", sqlite_url, redis_url, **patient), encoder)


@pytest.fixture
def receiver() -> Iterator[LoopbackServer]:
    server = LoopbackServer()
    server.behaviour = lambda _asked: Answer({})
    yield server
    server.close()


@pytest.fixture
def path(winnow: Winnow) -> str:
    return f"/v1/projects/{make_project(winnow)}"


def make(winnow: Winnow, path: str, url: str, **more: Any) -> dict[str, Any]:
    answer = winnow.post(f"{path}/webhooks", "manager", json={"url": url, "events": ["item.decided"], **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_the_final_category_comes_by_webhook(winnow: Winnow, path: str, receiver: LoopbackServer) -> None:
    made = make(winnow, path, f"{receiver.url}/hook")
    asked = {"items": [{"text": "I was charged twice", "id": "T-1"}], "review": "always"}
    item = winnow.post(f"{path}/predict", "program", json=asked).json()["predictions"][0]["item_id"]
    decision = {"item_id": item, "action": "correct", "categories": ["Login"]}
    assert winnow.post(f"{path}/decisions", "reviewer", json=decision).status_code == 201
    winnow.work()

    (message,) = receiver.asked
    headers = message.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + message.body
    digest = hmac.new(base64.b64decode(made["secret"].removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    told = json.loads(message.body)
    assert set(told) == {"type", "timestamp", "data"}
    assert told["type"] == "item.decided"
    assert (told["data"]["item_id"], told["data"]["external_id"], told["data"]["category"]) == (item, "T-1", "Login")

    (delivery,) = winnow.get(f"{path}/webhooks/{made['id']}/deliveries", "manager").json()["items"]
    assert (delivery["status"], delivery["attempts"], delivery["response_status"]) == ("delivered", 1, 200)
    assert delivery["body"].encode() == message.body
    assert delivery["message_id"] == headers["webhook-id"]


def test_the_secret_is_shown_once(winnow: Winnow, path: str, receiver: LoopbackServer) -> None:
    made = make(winnow, path, receiver.url)
    assert made["secret"].startswith("whsec_")
    (listed,) = winnow.get(f"{path}/webhooks", "manager").json()["items"]
    assert listed == {**made, "secret": None}
    changed = winnow.call("PATCH", f"{path}/webhooks/{made['id']}", "manager", json={"events": ["model.promoted"]})
    assert (changed.json()["secret"], changed.json()["events"]) == (None, ["model.promoted"])
    rotated = winnow.call("PATCH", f"{path}/webhooks/{made['id']}", "manager", json={"rotate_secret": True}).json()
    assert rotated["secret"] not in {None, made["secret"]}
    assert rotated["previous_secret_until"] is not None


def test_the_same_key_makes_one_webhook(winnow: Winnow, path: str, receiver: LoopbackServer) -> None:
    body = {"url": receiver.url, "events": ["item.decided"]}
    key = {"Idempotency-Key": "once"}
    first = winnow.post(f"{path}/webhooks", "manager", json=body, headers=key).json()
    second = winnow.post(f"{path}/webhooks", "manager", json=body, headers=key).json()
    assert first == second
    assert len(winnow.get(f"{path}/webhooks", "manager").json()["items"]) == 1


def test_a_test_event_and_its_replay(winnow: Winnow, path: str, receiver: LoopbackServer) -> None:
    made = make(winnow, path, receiver.url)
    hook = f"{path}/webhooks/{made['id']}"
    sent = winnow.post(f"{hook}/test", "manager")
    assert (sent.status_code, sent.json()["status"], sent.json()["event"]) == (202, "pending", "webhook.test")
    winnow.work()
    again = winnow.post(f"{hook}/deliveries/{sent.json()['id']}/replay", "manager")
    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (202, "pending", 1)
    winnow.work()
    assert len(receiver.asked) == 2
    assert receiver.asked[0].body == receiver.asked[1].body
    assert json.loads(receiver.asked[0].body)["type"] == "webhook.test"
    pending = winnow.get(f"{hook}/deliveries?status=pending", "manager").json()["items"]
    delivered = winnow.get(f"{hook}/deliveries?status=delivered", "manager").json()["items"]
    assert (len(pending), len(delivered), delivered[0]["attempts"]) == (0, 1, 2)


def test_deleted_it_is_gone_with_its_messages(winnow: Winnow, path: str, receiver: LoopbackServer) -> None:
    hook = f"{path}/webhooks/{make(winnow, path, receiver.url)['id']}"
    winnow.post(f"{hook}/test", "manager")
    assert winnow.call("DELETE", hook, "manager").status_code == 204
    winnow.work()
    assert receiver.asked == []
    assert winnow.get(f"{hook}/deliveries", "manager").status_code == 404
    assert winnow.call("DELETE", hook, "manager").status_code == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"events": ["item.decided"]}, ["body", "url"]),
        ({"url": "https://example.com", "events": []}, ["body", "events"]),
        ({"url": "https://example.com", "events": ["item.lost"]}, ["body", "events", 0]),
        ({"url": "ftp://example.com", "events": ["item.decided"]}, ["body", "url"]),
        ({"url": "https://example.com", "events": ["item.decided"], "secret": "guess"}, ["body", "secret"]),
        ({"url": "https://example.com", "events": ["item.decided"], "active": True}, ["body", "active"]),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(winnow: Winnow, path: str, body: dict, where: list) -> None:
    answer = winnow.post(f"{path}/webhooks", "manager", json=body)
    assert answer.status_code == 422
    assert where in [problem["loc"] for problem in answer.json()["errors"]]


def test_private_addresses_are_refused_unless_the_operator_allows_them(
    tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder
) -> None:
    for winnow in build(settings_for(tmp_path / "data", sqlite_url, redis_url), encoder):
        slug = make_project(winnow)
        for url in ("http://localhost:9/", "http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1"):
            body = {"url": url, "events": ["item.decided"]}
            answer = winnow.post(f"/v1/projects/{slug}/webhooks", "manager", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "address-refused")
        made = make(winnow, f"/v1/projects/{slug}", "https://example.com/hook")
        changed = winnow.call(
            "PATCH", f"/v1/projects/{slug}/webhooks/{made['id']}", "manager", json={"url": "http://127.0.0.1/"}
        )
        assert changed.json()["code"] == "address-refused"
