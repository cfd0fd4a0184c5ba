"""The same request twice: one effect, one answer; also when both come at the same moment."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models.store.tables import IdempotencyRow, ItemRow, PredictionRow, ProjectRow
from tests.api.conftest import Winnow, make_project

KEY = {"Idempotency-Key": "nonce-1"}
TWINS = 6


def count(winnow: Winnow, row: type) -> int:
    with winnow.database.read() as session:
        return session.scalar(select(func.count()).select_from(row)) or 0


def test_the_first_answer_is_given_again(winnow: Winnow) -> None:
    first, again = (winnow.post("/v1/projects", json={"name": "Support"}, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert count(winnow, ProjectRow) == 1


def test_the_same_key_with_another_body_or_route_is_a_conflict(winnow: Winnow, project: str) -> None:
    winnow.post(f"/v1/projects/{project}/items", json={"items": [{"text": "a"}]}, headers=KEY)
    for path, body in (
        (f"/v1/projects/{project}/items", {"items": [{"text": "b"}]}),
        (f"/v1/projects/{project}/categories", {"name": "New"}),
        ("/v1/projects", {"items": [{"text": "a"}]}),
    ):
        answer = winnow.post(path, json=body, headers=KEY)
        if answer.status_code != 422:
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    assert count(winnow, ItemRow) == 1


def test_a_key_is_the_callers_own(winnow: Winnow, project: str) -> None:
    for role, text in (("manager", "one"), ("admin", "two")):
        body = {"items": [{"text": text}]}
        assert winnow.post(f"/v1/projects/{project}/items", role, json=body, headers=KEY).status_code == 201


def test_what_is_kept_of_a_request_lets_nobody_guess_a_password_in_it(winnow: Winnow) -> None:
    sent = b'{"username": "grace", "password": "a password to guess"}'
    headers = {**KEY, "Content-Type": "application/json"}
    assert winnow.post("/v1/users", content=sent, headers=headers).status_code == 201
    with winnow.database.read() as session:
        kept = session.scalars(select(IdempotencyRow.request_hash)).one()
    told = hashlib.sha256(b"POST\n/v1/users\n\n" + hashlib.sha256(sent).digest())
    assert kept != told.digest(), "who has the rows needs no key to try passwords"


def test_a_failure_leaves_no_key_behind(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/feedback"
    body = {"text": "charged twice", "category": "Refunds"}
    assert winnow.post(path, json=body, headers=KEY).status_code == 422
    winnow.post(f"/v1/projects/{project}/categories", json={"name": "Refunds"})
    assert winnow.post(path, json=body, headers=KEY).status_code == 201


def test_after_a_day_the_key_is_free(winnow: Winnow) -> None:
    winnow.post("/v1/projects", json={"name": "Support"}, headers=KEY)
    with winnow.database.transaction() as session:
        session.execute(update(IdempotencyRow).values(created_at=datetime.now(UTC) - timedelta(hours=25)))
    assert winnow.post("/v1/projects", json={"name": "Another"}, headers=KEY).json()["slug"] == "another"


def test_without_a_key_every_request_counts(winnow: Winnow) -> None:
    statuses = [winnow.post("/v1/projects", json={"name": "Support"}).status_code for _ in range(2)]
    assert statuses == [201, 409]
    assert count(winnow, IdempotencyRow) == 0


def test_an_upload_is_known_again_by_what_is_in_it(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/imports"

    def send(content: bytes, **form: str):
        return winnow.post(path, files={"file": ("x.txt", content)}, data=form, headers=KEY)

    first, again = send(b"one\ntwo\n"), send(b"one\ntwo\n")
    assert first.json() == again.json()
    assert send(b"one\nthree\n").status_code == 409
    assert send(b"one\ntwo\n", format="text").status_code == 409
    uploads = list((winnow.settings.artifacts / "uploads").iterdir())
    assert len(uploads) == 1, "only the file of the import that was started is kept"


def twins(winnow: Winnow, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """The one answer to six requests at once of the same key and body."""
    barrier = threading.Barrier(TWINS)

    def send(_: int) -> tuple[int, str]:
        barrier.wait()
        answer = winnow.post(path, json=body, headers=KEY)
        return answer.status_code, answer.text

    with ThreadPoolExecutor(TWINS) as pool:
        answers = set(pool.map(send, range(TWINS)))
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_concurrent_twins_have_one_effect(winnow_on_each: Winnow) -> None:
    slug = make_project(winnow_on_each)
    body = {"items": [{"text": "the same text"}]}
    assert twins(winnow_on_each, f"/v1/projects/{slug}/items", body)[0] == 201
    assert count(winnow_on_each, ItemRow) == count(winnow_on_each, IdempotencyRow) == 1


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"items": [{"text": text}], "review": "always", **more}


def test_a_prediction_that_people_look_at_is_given_and_queued_once(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/predict"
    assert winnow.post(path, "program", json=asked("known before")).status_code == 200, "else it has no short way to go"
    before = count(winnow, ItemRow), count(winnow, PredictionRow)
    first, again = (winnow.post(path, "program", json=asked("charged twice"), headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    other = winnow.post(path, "program", json=asked("something else"), headers=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    assert (count(winnow, ItemRow), count(winnow, PredictionRow)) == (before[0] + 1, before[1] + 1)
    told = first.json()["predictions"][0]
    feedback = {"prediction_id": told["prediction_id"], "category": "Billing"}
    assert winnow.post(f"/v1/projects/{project}/feedback", "program", json=feedback).status_code == 201


def test_an_answer_that_nobody_looks_at_is_given_again_too_with_its_words(winnow: Winnow, project: str) -> None:
    path, body = f"/v1/projects/{project}/predict", asked("charged twice", review="never", explain=True)
    first, again = (winnow.post(path, json=body, headers=KEY) for _ in range(2))
    assert first.json() == again.json()
    assert first.json()["predictions"][0]["words"]
    assert count(winnow, PredictionRow) == 1


def test_an_answer_is_given_again_where_none_could_be_made_any_more(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/predict"
    first = winnow.post(path, json=asked("charged twice"), headers=KEY)
    for category in winnow.get(f"/v1/projects/{project}/categories").json()["items"]:
        winnow.call("DELETE", f"/v1/projects/{project}/categories/{category['id']}")
    assert winnow.post(path, json=asked("charged twice")).status_code == 409
    assert winnow.post(path, json=asked("charged twice"), headers=KEY).json() == first.json()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
def test_concurrent_twins_of_a_prediction_ask_people_once(winnow_on_each: Winnow) -> None:
    slug = make_project(winnow_on_each)
    assert twins(winnow_on_each, f"/v1/projects/{slug}/predict", asked("the same text"))[0] == 200
    assert count(winnow_on_each, ItemRow) == count(winnow_on_each, PredictionRow) == 1
    assert count(winnow_on_each, IdempotencyRow) == 1
