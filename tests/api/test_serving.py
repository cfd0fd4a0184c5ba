"""Answers over HTTP from several API processes on one database: what one knows, every other one knows at once."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from sqlalchemy import select

from api.app import create_app
from models.learn.encoders import Encoder
from models.store.tables import PredictionRow
from tests.api.conftest import Winnow, build, make_project, settings_for


@pytest.fixture
def other(winnow: Winnow, encoder: Encoder) -> Iterator[TestClient]:
    """Another API process on the same database."""
    with TestClient(create_app(winnow.settings, encoder=encoder), raise_server_exceptions=False) as http:
        yield http


def ask(text: str, **more: object) -> dict[str, object]:
    return {"items": [{"text": text}], **more}


def test_feedback_right_after_the_answer_works_in_every_process(
    winnow: Winnow, other: TestClient, project: str
) -> None:
    headers = winnow.as_("program")
    for number in range(10):
        told = winnow.post(f"/v1/projects/{project}/predict", "program", json=ask(f"charged {number} times")).json()
        body = {"prediction_id": told["predictions"][0]["prediction_id"], "category": "Billing"}
        assert other.post(f"/v1/projects/{project}/feedback", json=body, headers=headers).status_code == 201


def test_later_answers_have_greater_ids_and_nobody_can_guess_them(winnow: Winnow, project: str) -> None:
    ids = []
    for number in range(5):
        told = winnow.post(f"/v1/projects/{project}/predict", "program", json=ask(f"parcel {number}")).json()
        ids.append(told["predictions"][0]["prediction_id"])
        time.sleep(0.002)
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {32}
    together = {"items": [{"text": f"all at once {number}"} for number in range(200)]}
    told = winnow.post(f"/v1/projects/{project}/predict", "program", json=together).json()
    behind = {one["prediction_id"][12:] for one in told["predictions"]}
    assert len(behind) == 200, "80 bits of each are chance"
    assert len({one[:4] for one in behind}) > 150


def test_a_key_that_was_revoked_or_a_role_that_was_lowered_elsewhere_is_refused_at_once(
    winnow: Winnow, other: TestClient, project: str
) -> None:
    made = winnow.post("/v1/api-keys", json={"name": "helpdesk", "role": "program"}).json()
    path, headers = f"/v1/projects/{project}/predict", {"X-API-Key": made["secret"]}
    assert other.post(path, json=ask("hello"), headers=headers).status_code == 200
    assert winnow.call("DELETE", f"/v1/api-keys/{made['id']}").status_code == 204
    assert other.post(path, json=ask("hello"), headers=headers).status_code == 401

    person = {"username": "cleo", "password": "a long passphrase", "role": "manager"}
    user = winnow.post("/v1/users", json=person).json()
    token = winnow.sign_in("cleo", "a long passphrase").json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert other.post(path, json=ask("hello"), headers=bearer).status_code == 200
    winnow.call("PATCH", f"/v1/users/{user['id']}", json={"role": "reviewer"})
    assert other.post(path, json=ask("hello"), headers=bearer).status_code == 403


def test_concurrent_callers_get_their_own_answers_and_their_own_errors(winnow: Winnow, project: str) -> None:
    wordings = ["the invoice of day {} is wrong", "I forgot password {}", "   ", "refund number {} please"]
    expected = ["Billing", "Login", None, "Billing"]

    def one(number: int) -> tuple[int, str | None]:
        text = wordings[number % 4].format(number)
        answer = winnow.post(f"/v1/projects/{project}/predict", "program", json=ask(text))
        if answer.status_code != 200:
            return answer.status_code, None
        return 200, answer.json()["predictions"][0]["category"]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, range(96)))
    assert found == [(200 if expected[n % 4] else 422, expected[n % 4]) for n in range(96)]


def test_a_repeated_text_is_answered_from_memory_and_counted(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/predict"
    first, second = (winnow.post(path, json=ask("charged twice")).json()["predictions"][0] for _ in range(2))
    assert first["prediction_id"] != second["prediction_id"]
    assert {**first, "prediction_id": ""} == {**second, "prediction_id": ""}
    numbers = winnow.http.get("/metrics").text
    assert "winnow_encoder_repeated_texts_total 1.0" in numbers


def test_what_the_encoder_cannot_do_in_time_is_503_and_nothing_is_written_down(
    tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder
) -> None:
    class Stuck:
        """An encoder that keeps whoever comes first until it is told to go on."""

        id, dimensions = encoder.id, encoder.dimensions

        def __init__(self) -> None:
            self.entered, self.go_on = threading.Event(), threading.Event()

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            if "stop here" in texts:
                self.entered.set()
                assert self.go_on.wait(120)
            return encoder.encode(texts)

    stuck = Stuck()
    chosen = settings_for(tmp_path / "data", sqlite_url, redis_url, encode_seconds=3600)
    for winnow in build(chosen, stuck):
        path = f"/v1/projects/{make_project(winnow)}/predict"
        assert winnow.post(path, json=ask("hello")).status_code == 200, "the names of the categories are encoded"
        assert winnow.context.runtime.encoder._patience == 3600
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(winnow.post, path, json=ask("stop here"))
            assert stuck.entered.wait(120)
            winnow.context.runtime.encoder._patience = 0.0
            late = winnow.post(path, json=ask("another"))
            stuck.go_on.set()
            assert first.result().status_code == 200, "a pass that is under way is not cut short"
        assert (late.status_code, late.json()["code"], late.headers["Retry-After"]) == (503, "encoder-busy", "1")
        with winnow.database.read() as session:
            assert "another" not in session.scalars(select(PredictionRow.text)).all()
