"""Pages, jobs, files and streams."""

import io

import pytest

from tests.unit.winnow_client.conftest import HANG_UP, Answer
from winnow import Client, ConnectionFailed, JobFailed, WaitTimedOut


@pytest.fixture
def client(server):
    with Client(server.url, api_key="k") as connected:
        yield connected


def job(status: str, **more: object) -> Answer:
    return Answer({"id": "5", "kind": "train", "status": status, **more})


def test_pages_are_fetched_as_they_are_needed(server, client):
    server.answers(
        Answer({"items": [{"id": "1"}, {"id": "2"}], "next_cursor": "c/1"}),
        Answer({"items": [], "next_cursor": "c2"}),
        Answer({"items": [{"id": "3", "new_field": 7}], "next_cursor": None}),
    )
    found = client.items("tickets", state="undecided", q=None)

    assert next(found).id == "1"
    assert len(server.asked) == 1
    assert [item.id for item in found] == ["2", "3"]
    assert [asked.query.get("cursor") for asked in server.asked] == [None, ["c/1"], ["c2"]]
    assert all(asked.query["state"] == ["undecided"] for asked in server.asked)
    assert "q" not in server.asked[0].query


def test_a_plain_list_is_one_page(server, client):
    server.answers(Answer([{"at": "2026-11-22T00:00:00Z", "accuracy": 0.9, "audited": 40}]))

    (point,) = client.accuracy("tickets")

    assert point.audited == 40
    assert point.at is not None
    assert point.at.utcoffset().total_seconds() == 0


def test_waiting_tells_progress_and_gives_the_finished_job(server, client):
    server.answers(
        job("queued"),
        job("running", progress={"done": 3, "total": 9}),
        job("succeeded", result={"version": 1}),
    )
    seen = []

    done = client.wait("5", on_progress=lambda seen_job: seen.append(seen_job.progress.done))

    assert done.result == {"version": 1}
    assert seen == [0, 3, 0]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_waiting_for_a_job_that_does_not_succeed_raises(server, client, status):
    server.answers(job(status, error="the disk is full"))

    with pytest.raises(JobFailed, match="the disk is full") as caught:
        client.wait("5")
    assert caught.value.job.status == status


def test_waiting_ends_when_the_time_is_over(server, client):
    server.behaviour = lambda _asked: job("running")

    with pytest.raises(WaitTimedOut, match="running"):
        client.wait("5", timeout=0)
    assert len(server.asked) == 1


@pytest.mark.parametrize("as_path", [True, False])
def test_a_file_goes_as_it_is_under_its_name(server, client, tmp_path, as_path):
    content = "größe,text\n1,\x00".encode("latin-1")
    path = tmp_path / "täglich.csv"
    path.write_bytes(content)
    server.answers(Answer({"id": "1", "job_id": "2"}, 202))

    with path.open("rb") as opened:
        started = client.import_file("tickets", path if as_path else opened, delimiter=",")

    assert started.job_id == "2"
    assert content in server.asked[0].body
    assert 'filename="täglich.csv"'.encode() in server.asked[0].body
    assert b'name="delimiter"' in server.asked[0].body
    assert b'name="encoding"' not in server.asked[0].body


def test_an_export_streams(server, client):
    server.answers(Answer(b"id,category\n1,Billing\n", kind="text/csv"))

    assert b"".join(client.export("tickets", state="decided")) == b"id,category\n1,Billing\n"
    assert server.asked[0].query == {"format": ["csv"], "state": ["decided"]}


def test_an_export_by_a_job_is_waited_for_and_fetched(server, client):
    server.answers(
        Answer({"id": "5", "kind": "export", "status": "queued"}, 202),
        job("succeeded", result={"url": "/v1/jobs/5/result"}),
        Answer(b"all of it", kind="text/csv"),
    )

    assert b"".join(client.export("tickets")) == b"all of it"
    assert server.asked[-1].path == "/v1/jobs/5/result"


def test_an_export_that_breaks_off_is_an_error(server, client):
    server.answers(Answer(b"half", headers={"Content-Length": "100", "Connection": "close"}))

    with pytest.raises(ConnectionFailed, match="broke"):
        b"".join(client.export("tickets"))


def test_decisions_keep_the_key_of_the_caller(server, client):
    server.answers(Answer(status=HANG_UP), Answer({"id": "9", "item_id": "4", "categories": ["Billing"]}, 201))

    decided = client.decide("tickets", task_id="8", action="correct", categories=["Billing"], idempotency_key="nonce")

    assert decided.categories == ["Billing"]
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["nonce", "nonce"]
    assert server.asked[0].json == {"task_id": "8", "action": "correct", "categories": ["Billing"]}


def test_a_list_of_decisions_says_what_became_of_each(server, client):
    failed = {"status": "failed", "error": {"code": "lease-lost", "detail": "Somebody else has it."}}
    made = {"status": "created", "id": "1", "item_id": "2", "categories": ["Login"]}
    server.answers(Answer({"decisions": [made, failed]}, 201))

    first, second = client.decide_many(
        "tickets",
        [{"task_id": "1", "action": "accept"}, {"task_id": "2", "action": "accept", "idempotency_key": "n"}],
    )

    assert (first.status, first.categories) == ("created", ["Login"])
    assert second.error is not None
    assert second.error.code == "lease-lost"


def test_leased_tasks_are_typed(server, client):
    task = {
        "task_id": "1",
        "item": {"id": "2", "external_id": None, "text": "hello", "fields": {"n": 1}},
        "prediction": None,
        "reason": "audit",
        "expires_at": "2026-11-22T20:00:00Z",
    }
    server.answers(Answer({"tasks": [task]}))

    (leased,) = client.lease("tickets", 5)

    assert (leased.reason, leased.prediction, leased.item.text) == ("audit", None, "hello")
    assert server.asked[0].json == {"count": 5}


def test_an_upload_from_memory_has_a_name(server, client):
    server.answers(Answer({"id": "5", "kind": "batch_predict", "status": "queued"}, 202))

    client.predict_batch("tickets", io.BytesIO(b"a\nb\n"), filename="lines.txt")

    assert b'filename="lines.txt"' in server.asked[0].body
    assert server.asked[0].path == "/v1/projects/tickets/predict/batch"
