"""Webhooks from the event to the receiver and back, on both databases, with a real receiver."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models import jobs
from models.errors import AddressRefused, Conflict, Invalid, Missing
from models.runtime import Runtime
from models.settings import Settings
from models.steps import ingest, register, webhooks
from models.steps.accounts import Caller
from models.steps.deliver import back_off
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project, delete_project, find_project
from models.steps.review import NewDecision, decide
from models.steps.train import training_failed
from models.steps.webhooks import MAX_WEBHOOKS, WebhookChanges
from models.store.tables import DeliveryRow, EncoderRow, JobRow, ProjectRow, VersionRow, WebhookRow
from models.store.types import utc_now
from models.vocabulary import Action, DeliveryStatus, Event, Job, JobStatus, VersionStatus
from tests.integration.conftest import Drain
from tests.unit.winnow_client.conftest import HANG_UP, Answer, Asked, LoopbackServer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=redis_url,
        webhook_allow_private=True,
        webhook_timeout_seconds=60,
        job_lease_seconds=3600,
    )


@pytest.fixture
def hook(runtime: Runtime, ann: Caller, project: ProjectRow, receiver: LoopbackServer) -> int:
    events = [Event.ITEM_DECIDED, Event.MODEL_PROMOTED, Event.IMPORT_FINISHED]
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        row, secret = webhooks.create_webhook(
            session, ann, found, runtime.settings, url=receiver.url + "/hook", events=events, secret=SECRET
        )
    assert secret == SECRET
    return row.id


def verified(asked: Asked, *secrets: str) -> dict:
    """What a receiver makes of a message: the body, once every secret was found to have signed it."""
    headers = asked.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + asked.body
    assert abs(int(headers["webhook-timestamp"]) - utc_now().timestamp()) < 900  # however long the machine stands still
    given = headers["webhook-signature"].split(" ")
    for secret in secrets or (SECRET,):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        assert "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() in given
    assert len(given) == len(secrets or (SECRET,))
    return dict(json.loads(asked.body))


def decide_one(runtime: Runtime, caller: Caller, slug: str, text: str, action: Action = Action.CORRECT) -> int:
    with runtime.database.transaction() as session:
        project = find_project(session, caller, slug)
        item = ingest.add_items(session, caller, project, [NewItem(text, external_id=text)])[0].item_id
        categories = ["Billing"] if action is Action.CORRECT else []
        decide(session, caller, project, NewDecision(action, item_id=item, categories=categories), runtime.settings)
    return item


def deliveries(runtime: Runtime, hook: int) -> list[DeliveryRow]:
    with runtime.database.read() as session:
        rows = session.scalars(select(DeliveryRow).where(DeliveryRow.webhook_id == hook).order_by(DeliveryRow.id))
        return list(rows)


def make_due(runtime: Runtime) -> None:
    """Let the time pass that deliveries and resting receivers wait for."""
    past = utc_now() - timedelta(seconds=1)
    with runtime.database.transaction() as session:
        waiting = update(JobRow).where(JobRow.status == JobStatus.QUEUED, JobRow.kind == Job.DELIVER)
        session.execute(waiting.values(due_at=past, dispatched_at=None))
        session.execute(update(WebhookRow).values(resting_until=None))


def test_a_decision_reaches_the_receiver_signed_and_once(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    item = decide_one(runtime, ann, project.slug, "charged twice")
    assert receiver.asked == []
    drain()
    drain()
    told = verified(receiver.asked[0])
    assert len(receiver.asked) == 1
    assert told["type"] == "item.decided"
    assert told["timestamp"].endswith("Z")
    assert told["data"]["item_id"] == str(item)
    assert told["data"]["external_id"] == "charged twice"
    assert told["data"]["categories"] == ["Billing"]
    assert told["data"]["project"] == project.slug
    assert "text" not in told["data"]
    (row,) = deliveries(runtime, hook)
    assert (row.status, row.attempts, row.response_status) == (DeliveryStatus.DELIVERED, 1, 200)
    assert row.response_body == '{"thanks": true}'
    assert receiver.asked[0].headers["webhook-id"] == row.message_id


def test_messages_about_an_erased_item_lose_its_external_id_and_still_arrive(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    told = decide_one(runtime, ann, project.slug, "told before")
    kept = decide_one(runtime, ann, project.slug, "stays")
    drain()
    waiting = [decide_one(runtime, ann, project.slug, text) for text in ("waits", "waits too")]
    with runtime.database.transaction() as session:
        mine = find_project(session, ann, project.slug)
        ingest.erase_item(session, ann, mine, told)
        ingest.erase_items(session, ann, mine, waiting)
    drain()
    rows = deliveries(runtime, hook)
    assert [row.status for row in rows] == [DeliveryStatus.DELIVERED] * 4
    left = {int(found["item_id"]): found["external_id"] for found in (json.loads(row.body)["data"] for row in rows)}
    assert left == {told: None, kept: "stays", waiting[0]: None, waiting[1]: None}
    assert [row.response_body is None for row in rows[:2]] == [True, False]
    assert [verified(one)["data"]["external_id"] for one in receiver.asked[2:]] == [None, None]


def test_only_what_settles_an_item_is_told(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    decide_one(runtime, ann, project.slug, "skipped", Action.SKIP)
    decide_one(runtime, ann, project.slug, "flagged", Action.FLAG)
    drain()
    assert deliveries(runtime, hook) == []
    assert receiver.asked == []


def test_a_transaction_that_is_undone_tells_nobody(runtime: Runtime, project: ProjectRow, hook: int) -> None:
    with runtime.database.transaction() as session:
        undone = session.begin_nested()
        assert webhooks.publish(session, project.id, Event.ITEM_DECIDED, dict) == 1
        undone.rollback()
    assert deliveries(runtime, hook) == []


@pytest.mark.usefixtures("hook")
def test_imports_and_promotions_are_told(
    runtime: Runtime, ann: Caller, project: ProjectRow, receiver: LoopbackServer, drain: Drain
) -> None:
    path = ingest.upload_folder(runtime.settings) / "a.csv"
    path.write_text("text,label\nfirst,Billing\nsecond,Login\n,Login\n")
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        options = ingest.ImportOptions(label_field="label")
        ingest.start_import(session, ann, found, filename="a.csv", path="uploads/a.csv", options=options)
    drain()
    told = [verified(asked) for asked in receiver.asked]
    assert [one["type"] for one in told] == ["import.finished"]
    counted = {name: told[0]["data"][name] for name in ("filename", "status", "rows_added", "rows_rejected")}
    assert counted == {"filename": "a.csv", "status": "succeeded", "rows_added": 2, "rows_rejected": 1}

    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        register._move(session, ann, found, 3, reason="because")
    drain()
    told = [verified(asked) for asked in receiver.asked[1:]]
    assert told[0]["type"] == "model.promoted"
    assert (told[0]["data"]["version"], told[0]["data"]["previous_version"], told[0]["data"]["by"]) == (3, 0, "ann")


def test_what_is_not_acknowledged_is_tried_again_with_the_same_id_until_it_is(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    receiver.answers(Answer(status=500), Answer(status=HANG_UP), Answer({}, 302), Answer({}, 204))
    decide_one(runtime, ann, project.slug, "late")
    for attempts in (1, 2, 3):
        drain()
        (row,) = deliveries(runtime, hook)
        assert (row.status, row.attempts) == (DeliveryStatus.PENDING, attempts)
        assert row.next_attempt_at is not None
        assert row.next_attempt_at > utc_now()
        make_due(runtime)
    drain()
    (row,) = deliveries(runtime, hook)
    assert (row.status, row.attempts, row.error) == (DeliveryStatus.DELIVERED, 4, None)
    assert [entry["status"] for entry in row.log] == [500, None, 302, 204]
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1
    assert len({asked.body for asked in receiver.asked}) == 1
    with runtime.database.read() as session:
        assert session.get_one(WebhookRow, hook).failures == 0
        left = session.scalars(select(JobRow).where(JobRow.kind == Job.DELIVER)).all()
    assert [job.status for job in left] == [JobStatus.SUCCEEDED]


def test_a_receiver_that_is_away_is_not_asked_for_every_message(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    receiver.behaviour = lambda _asked: Answer(status=503)
    for number in range(5):
        decide_one(runtime, ann, project.slug, f"text {number}")
    drain()
    assert len(receiver.asked) == 1
    assert sorted(row.attempts for row in deliveries(runtime, hook)) == [0, 0, 0, 0, 1]
    receiver.behaviour = lambda _asked: Answer({})
    make_due(runtime)
    drain()
    assert {row.status for row in deliveries(runtime, hook)} == {DeliveryStatus.DELIVERED}


def test_it_is_given_up_after_a_day_and_can_be_replayed(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    receiver.behaviour = lambda _asked: Answer(status=500)
    decide_one(runtime, ann, project.slug, "never")
    drain()
    with runtime.database.transaction() as session:
        session.execute(update(DeliveryRow).values(give_up_at=utc_now() + timedelta(minutes=30)))
    make_due(runtime)
    drain()
    (row,) = deliveries(runtime, hook)
    assert (row.status, row.attempts, row.error) == (DeliveryStatus.FAILED, 2, "answered 500")

    receiver.behaviour = lambda _asked: Answer({})
    with runtime.database.transaction() as session:
        webhooks.replay(session, ann, find_project(session, ann, project.slug), hook, row.id)
    drain()
    (row,) = deliveries(runtime, hook)
    assert (row.status, row.attempts) == (DeliveryStatus.DELIVERED, 3)
    assert len({asked.headers["webhook-id"] for asked in receiver.asked}) == 1
    assert verified(receiver.asked[-1])["type"] == "item.decided"


def test_gone_switches_the_webhook_off(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    receiver.behaviour = lambda _asked: Answer(status=410)
    decide_one(runtime, ann, project.slug, "one")
    drain()
    decide_one(runtime, ann, project.slug, "two")
    drain()
    assert [row.status for row in deliveries(runtime, hook)] == [DeliveryStatus.FAILED]
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        with pytest.raises(Conflict, match="switched off"):
            webhooks.send_test(session, ann, found, hook)


def test_what_waits_while_it_is_off_goes_on_when_it_is_on_again(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    decide_one(runtime, ann, project.slug, "waits")
    switch(runtime, ann, project, hook, active=False)
    drain()
    assert receiver.asked == []
    switch(runtime, ann, project, hook, active=True)
    drain()
    assert [verified(asked)["type"] for asked in receiver.asked] == ["item.decided"]


def switch(runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, *, active: bool) -> None:
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        webhooks.update_webhook(session, ann, found, runtime.settings, hook, WebhookChanges(active=active))


def test_both_secrets_sign_for_a_day_after_a_rotation(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        row, fresh = webhooks.update_webhook(session, ann, found, runtime.settings, hook, WebhookChanges(rotate=True))
    assert fresh is not None
    assert fresh != SECRET
    assert row.previous_until is not None
    assert timedelta(hours=23) < row.previous_until - utc_now() <= timedelta(days=1)
    decide_one(runtime, ann, project.slug, "both")
    drain()
    verified(receiver.asked[0], fresh, SECRET)
    with runtime.database.transaction() as session:
        session.execute(update(WebhookRow).values(previous_until=utc_now()))
    decide_one(runtime, ann, project.slug, "new alone")
    drain()
    verified(receiver.asked[1], fresh)


def test_the_secret_is_not_in_the_database_in_the_clear(runtime: Runtime, hook: int) -> None:
    with runtime.database.read() as session:
        kept = bytes(session.get_one(WebhookRow, hook).secret)
    assert SECRET.encode() not in kept
    assert base64.b64decode(SECRET.removeprefix("whsec_")) not in kept


def test_a_private_address_is_refused_when_made_and_again_when_sent(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, receiver: LoopbackServer, drain: Drain
) -> None:
    strict = runtime.settings.model_copy(update={"webhook_allow_private": False})
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        with pytest.raises(AddressRefused):
            webhooks.create_webhook(session, ann, found, strict, url=receiver.url, events=[Event.ITEM_DECIDED])
    decide_one(runtime, ann, project.slug, "refused")
    runtime.settings = strict
    drain()
    (row,) = deliveries(runtime, hook)
    assert (row.status, row.response_status) == (DeliveryStatus.PENDING, None)
    assert "not a public address" in (row.error or "")
    assert receiver.asked == []


def test_rules_of_making_one(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)

        def make(**more: object) -> None:
            given = {"url": "https://example.com", "events": [Event.ITEM_DECIDED], **more}
            webhooks.create_webhook(session, ann, found, runtime.settings, **given)  # type: ignore[arg-type]

        for wrong in ({"events": []}, {"url": "gopher://x"}, {"secret": "whsec_short"}):
            with pytest.raises(Invalid):
                make(**wrong)
        for _ in range(MAX_WEBHOOKS):
            make()
        with pytest.raises(Conflict, match=str(MAX_WEBHOOKS)):
            make()


def test_another_projects_webhook_is_not_there(runtime: Runtime, ann: Caller, project: ProjectRow, hook: int) -> None:
    with runtime.database.transaction() as session:
        other = create_project(session, ann, name="Other", categories=[NewCategory("A")])
        with pytest.raises(Missing):
            webhooks.find_webhook(session, other, hook)
        mine = find_project(session, ann, project.slug)
        delivery = webhooks.send_test(session, ann, mine, hook)
        second, _ = webhooks.create_webhook(
            session, ann, other, runtime.settings, url="https://example.com", events=[Event.ITEM_DECIDED]
        )
        with pytest.raises(Missing):
            webhooks.replay(session, ann, other, second.id, delivery.id)


def test_webhooks_go_with_their_project_and_old_messages_with_time(
    runtime: Runtime, ann: Caller, project: ProjectRow, hook: int, drain: Drain
) -> None:
    for text in ("old", "new"):
        decide_one(runtime, ann, project.slug, text)
    drain()
    first, second = deliveries(runtime, hook)
    with runtime.database.transaction() as session:
        session.get_one(DeliveryRow, first.id).finished_at = utc_now() - timedelta(days=31)
        jobs.enqueue(session, Job.MAINTAIN, key="maintain")
    drain()
    assert [row.id for row in deliveries(runtime, hook)] == [second.id]
    with runtime.database.transaction() as session:
        delete_project(session, ann, find_project(session, ann, project.slug))
    with runtime.database.read() as session:
        assert session.get(WebhookRow, hook) is None
    assert deliveries(runtime, hook) == []


def test_waits_grow_and_stay_within_bounds() -> None:
    seconds = [back_off(attempts).total_seconds() for attempts in range(1, 30)]
    assert 4 <= seconds[0] <= 6
    assert 16 <= seconds[1] <= 24
    assert all(0.8 * 14_400 <= wait <= 1.2 * 14_400 for wait in seconds[7:])
    assert len(set(seconds)) == len(seconds)


def test_a_training_that_is_given_up_is_an_alert(
    runtime: Runtime, ann: Caller, project: ProjectRow, receiver: LoopbackServer, drain: Drain
) -> None:
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        webhooks.create_webhook(
            session, ann, found, runtime.settings, url=receiver.url, events=[Event.ALERT_FIRED], secret=SECRET
        )
        found.next_number = 2
        encoder = EncoderRow(name="any", dimensions=384)
        session.add(encoder)
        session.flush()
        session.add(
            VersionRow(
                project_id=found.id,
                number=1,
                status=VersionStatus.TRAINING,
                encoder_id=encoder.id,
                job_id="f" * 32,
                decision_high_water=0,
                audit_high_water=0,
            )
        )
        session.flush()
        training_failed(session, "f" * 32, "the disk is full")
    drain()
    (asked,) = receiver.asked
    told = verified(asked)
    assert (told["type"], told["data"]["name"]) == ("alert.fired", "training-failed")
    assert told["data"]["detail"] == "version 1 could not be trained: the disk is full"
