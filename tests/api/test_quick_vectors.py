"""A large import over HTTP: cards, answers and search on quick vectors, and what is seen when the full ones come."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.learn.encoders import Encoder
from models.vocabulary import Job
from tests.api.conftest import Winnow, build, make_project, settings_for
from tests.integration.conftest import texts
from tests.integration.test_learning import perform_kind
from tests.integration.test_quick_vectors import Words

ITEMS, MOST = 60, 30
TRUTH = dict(texts(ITEMS))


@pytest.fixture
def winnow(
    tmp_path: Path, templates: Any, redis_url: str, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Winnow]:
    shutil.copy(templates.sqlite, tmp_path / "winnow.db")
    monkeypatch.setattr("models.steps.embed.BLOCK_TEXTS", 15)
    settings = settings_for(tmp_path / "data", f"sqlite:///{tmp_path / 'winnow.db'}", redis_url, quick_vectors=MOST)
    yield from build(settings, encoder, quick=Words(encoder.id))


def turn(winnow: Winnow, *kinds: Job) -> None:
    for kind in kinds:
        perform_kind(winnow.context.runtime, kind)


def test_it_is_usable_before_its_full_vectors_are_there(winnow: Winnow) -> None:
    names = [{"name": name} for name in ("Billing", "Login", "Shipping")]
    page = f"/v1/projects/{make_project(winnow, categories=names, settings={'retrain_every': 1_000_000})}"
    winnow.post(f"{page}/items", json={"items": [{"text": text} for text in TRUTH]})
    turn(winnow, Job.EMBED, Job.EMBED, Job.SCORE, Job.QUEUE)
    items = winnow.get(f"{page}/stats").json()["items"]
    assert (items["total"], items["embedded"], items["quick"]) == (ITEMS, 15, True)
    found = winnow.get(f"{page}/items", params={"like": "a parcel that has not arrived", "limit": 5}).json()["items"]
    assert TRUTH[found[0]["text"]] == "Shipping"

    for task in winnow.post(f"{page}/queue/lease", json={"count": 30}).json()["tasks"]:
        decided = {"task_id": task["task_id"], "action": "correct", "categories": [TRUTH[task["item"]["text"]]]}
        assert winnow.post(f"{page}/decisions", json=decided).status_code == 201
    assert winnow.post(f"{page}/train").status_code == 202
    turn(winnow, Job.TRAIN, Job.REGISTER, Job.SCORE)
    asked = {"items": [{"text": "parcel 9000 has not arrived yet"}], "explain": True}
    first = winnow.post(f"{page}/predict", json=asked).json()
    assert first["model_version"] == 1
    assert first["predictions"][0]["category"] == "Shipping"
    assert winnow.get(f"{page}/models/1").json()["encoder"].endswith("/static")
    assert winnow.get(f"{page}/items/{found[0]['id']}").json()["prediction"]["model_version"] == 1

    winnow.work()  # the full vectors come
    items = winnow.get(f"{page}/stats").json()["items"]
    assert (items["embedded"], items["quick"]) == (ITEMS, False)
    assert winnow.get(f"{page}/models/2").json()["encoder"] == winnow.context.runtime.encoder.id
    assert winnow.post(f"{page}/predict", json=asked).json()["model_version"] == 2
    again = winnow.post(f"{page}/predict", json=asked | {"model_version": 1}).json()
    assert again["predictions"][0]["confidence"] == first["predictions"][0]["confidence"]
    assert winnow.post(f"{page}/models/rollback", json={}).json()["version"] == 1
    assert winnow.post(f"{page}/predict", json=asked).json()["model_version"] == 1
