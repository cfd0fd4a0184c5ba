"""Records of numbers and short words: a version learns from them where that helps, and says so wherever it answers."""

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from models.readers import Record
from models.steps.snapshot import lesson
from models.steps.train import learn
from models.store.tables import ProjectRow, VersionRow
from models.vocabulary import TaskKind
from tests.api.conftest import Winnow, make_project
from worker.categorize.recipe import Answerer, recipe_of

CONFIG = '<View><Text name="flower" value="$petal width"/><Choices name="kind" toName="flower"/></View>'
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
Rows = list[dict[str, Any]]


def irises() -> tuple[Rows, list[str]]:
    """Different flowers in an order that mixes them, and what they are."""
    from sklearn.datasets import load_iris  # each process that collects tests would load it

    data = load_iris()
    rows = {tuple(row): int(kind) for row, kind in zip(data.data.tolist(), data.target, strict=True)}
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    mixed = [list(rows.items())[place] for place in order]
    return [dict(zip(NAMES, row, strict=True)) for row, _ in mixed], [str(data.target_names[kind]) for _, kind in mixed]


def as_csv(rows: Rows) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def send(winnow: Winnow, base: str, rows: Rows, **options: str) -> None:
    started = winnow.post(f"{base}/imports", "manager", files={"file": ("flowers.csv", as_csv(rows))}, data=options)
    assert started.status_code == 202, started.text
    winnow.work()
    told = winnow.get(f"{base}/imports/{started.json()['id']}", "manager").json()
    assert (told["rows_added"], told["rows_rejected"]) == (len(rows), 0), told


def trained(winnow: Winnow, slug: str) -> str:
    """Half of the flowers with their names, half without; one version, promoted."""
    base = f"/v1/projects/{slug}"
    rows, kinds = irises()
    labelled = [{**row, "species": kind} for row, kind in zip(rows[:74], kinds, strict=False)]
    send(winnow, base, labelled, label_field="species")
    send(winnow, base, rows[74:])
    assert winnow.post(f"{base}/train", "manager").status_code == 202
    winnow.work()
    winnow.post(f"{base}/models/1/promote", "manager", json={})
    winnow.work()
    return base


@pytest.fixture
def flowers(winnow_on_each: Winnow) -> str:
    kinds = [{"name": name} for name in ("setosa", "versicolor", "virginica")]
    slug = make_project(winnow_on_each, name="Flowers", categories=kinds, settings={"retrain_every": 1_000_000})
    return trained(winnow_on_each, slug)


def share_right(said: list[dict[str, Any]], kinds: list[str]) -> float:
    return sum(one["category"] == kind for one, kind in zip(said, kinds, strict=True)) / len(kinds)


def test_a_version_learns_from_numbers_and_answers_with_them_everywhere(winnow_on_each: Winnow, flowers: str) -> None:
    winnow = winnow_on_each
    version = winnow.get(f"{flowers}/models/1").json()
    assert version["fields"]["used"]
    assert sorted(version["fields"]["names"]) == sorted(NAMES), "and not the column of answers"
    assert version["fields"]["accuracy"] > version["fields"]["accuracy_without"]
    rows, kinds = irises()
    rows, kinds = rows[74:], kinds[74:]
    asked = {"items": [{"fields": row} for row in rows], "top_k": 1}
    said = winnow.post(f"{flowers}/predict", "program", json=asked).json()["predictions"]
    assert share_right(said, kinds) > 0.9
    blind = {"items": [{"text": "\n".join(map(str, row.values()))} for row in rows], "top_k": 1}
    less = winnow.post(f"{flowers}/predict", "program", json=blind).json()["predictions"]
    assert share_right(less, kinds) < share_right(said, kinds), "without its numbers a flower is guessed"

    started = winnow.post(f"{flowers}/predict/batch", "program", files={"file": ("ask.csv", as_csv(rows))}).json()
    winnow.work()
    answered = winnow.get(f"/v1/jobs/{started['id']}/result", "program").text
    assert [row["category"] for row in csv.DictReader(io.StringIO(answered))] == [one["category"] for one in said]

    records = [Record(1, "\n".join(map(str, row.values())), row) for row in rows]
    elsewhere = Answerer(recipe_of(winnow.context.runtime, None, 1), winnow.context.runtime.encoder)
    assert [one["category"] for one in elsewhere(records)] == [one["category"] for one in said], "on another machine"

    listed = winnow.get(f"{flowers}/items", params={"state": "undecided", "limit": 200}).json()["items"]
    by_text = {"\n".join(map(str, row.values())): one["category"] for row, one in zip(rows, said, strict=True)}
    assert [one["prediction"]["category"] for one in listed] == [by_text[one["text"]] for one in listed]
    cards = winnow.post(f"{flowers}/queue/lease", "reviewer", json={"count": 20}).json()["tasks"]
    shown = [card for card in cards if card["prediction"]]
    assert shown
    assert all(card["prediction"]["category"] == by_text[card["item"]["text"]] for card in shown)

    body = {"tasks": [{"id": at, "data": row} for at, row in enumerate(rows)], "label_config": CONFIG}
    secret = ("label-studio", winnow.keys["program"])
    told = winnow.http.post(f"/label-studio{flowers.removeprefix('/v1/projects')}/predict", json=body, auth=secret)
    assert told.status_code == 200, told.text
    chosen = [one["result"][0]["value"]["choices"][0] for one in told.json()["results"]]
    assert share_right([{"category": one} for one in chosen], kinds) > 0.9


def test_it_still_looks_at_numbers_after_two_categories_became_one(winnow_on_each: Winnow, flowers: str) -> None:
    kinds = {one["name"]: one["id"] for one in winnow_on_each.get(f"{flowers}/categories").json()["items"]}
    body = {"kind": "merge", "into_id": kinds["versicolor"]}
    made = winnow_on_each.post(f"{flowers}/categories/{kinds['virginica']}/changes", "manager", json=body)
    assert made.status_code == 200, made.text
    winnow_on_each.work()
    rows, truth = irises()
    asked = {"items": [{"fields": row} for row in rows[74:]], "top_k": 1}
    said = winnow_on_each.post(f"{flowers}/predict", "program", json=asked).json()["predictions"]
    left = ["setosa" if kind == "setosa" else "versicolor" for kind in truth[74:]]
    assert share_right(said, left) > 0.95
    listed = winnow_on_each.get(f"{flowers}/items", params={"state": "undecided", "limit": 200}).json()["items"]
    by_text = {"\n".join(map(str, row.values())): one["category"] for row, one in zip(rows[74:], said, strict=True)}
    assert [one["prediction"]["category"] for one in listed] == [by_text[one["text"]] for one in listed]


def test_what_weighs_is_said_of_fields_too(winnow_on_each: Winnow, flowers: str) -> None:
    row = next(row for row, kind in zip(*irises(), strict=True) if kind == "setosa")
    body = {"items": [{"fields": row}], "explain": True}
    [said] = winnow_on_each.post(f"{flowers}/predict", "program", json=body).json()["predictions"]
    assert {one["field"] for one in said["field_weights"]} <= set(NAMES)
    weights = {one["field"]: one["weight"] for one in said["field_weights"]}
    assert (said["category"], weights["petal length"] > 0) == ("setosa", True), "small petals speak for it"
    assert said["words"]
    item = winnow_on_each.get(f"{flowers}/items", params={"limit": 1}).json()["items"][0]["id"]
    assert winnow_on_each.get(f"{flowers}/items/{item}").json()["field_weights"]


def test_it_is_made_again_byte_for_byte_also_after_other_files_came(winnow_on_each: Winnow, flowers: str) -> None:
    winnow = winnow_on_each
    send(winnow, flowers, [{"petal width": 99, "text": "a label"}], label_field="petal width", text_fields="text")
    started = winnow.post(f"{flowers}/models/1/reproduce", "manager")
    assert started.status_code == 202
    winnow.work()
    assert winnow.get(f"/v1/jobs/{started.json()['id']}", "manager").json()["result"]["same"]


def test_columns_of_the_pool_are_caught_up_and_go_with_what_is_erased(winnow_on_each: Winnow, flowers: str) -> None:
    winnow = winnow_on_each
    pool = winnow.settings.data_dir / "pool"
    [path] = pool.rglob("fields-*.f16")
    width = len(NAMES) * 2
    before = path.stat().st_size // width
    send(winnow, flowers, [dict(zip(NAMES, (5.05, 3.45, 1.45, 0.25), strict=True))])
    assert path.stat().st_size // width == before + 1
    with path.open("ab") as file:
        file.write(b"\1")  # as a process leaves it that dies
    send(winnow, flowers, [dict(zip(NAMES, (5.15, 3.45, 1.45, 0.25), strict=True))])
    assert path.stat().st_size == (before + 2) * width
    whole = np.fromfile(path, np.float16)
    newest = winnow.get(f"{flowers}/items", params={"limit": 1}).json()["items"][0]["id"]
    assert winnow.call("DELETE", f"{flowers}/items/{newest}").status_code == 204
    assert winnow.post(f"{flowers}/train", "manager").status_code == 202
    winnow.work()
    [renewed] = [one for one in pool.rglob(path.name) if one != path]
    found = np.fromfile(renewed, np.float16)
    assert not found[-len(NAMES) :].any()
    assert (found[: -len(NAMES)] == whole[: -len(NAMES)]).all()


def test_texts_without_fields_are_learnt_from_as_ever(winnow: Winnow) -> None:
    slug = make_project(winnow, settings={"retrain_every": 1_000_000})
    items = [
        {"text": f"{words} {at}", "category": category, "fields": {"ticket": at}}
        for at in range(30)
        for words, category in (("an invoice was charged twice", "Billing"), ("the password fails", "Login"))
    ]
    assert winnow.post(f"/v1/projects/{slug}/items", json={"items": items}).status_code == 201
    winnow.work()
    winnow.post(f"/v1/projects/{slug}/train", "manager")
    winnow.work()
    assert winnow.get(f"/v1/projects/{slug}/models/1").json()["fields"] is None, "a running number says nothing"
    [bundle] = (winnow.settings.artifacts / "bundles").rglob("bundle.json")
    told = json.loads(bundle.read_text(encoding="utf-8"))
    assert (told["protocol"], "fields" in told, "fields" in told["manifest"]["gate"]) == (1, False, False)


@pytest.mark.usefixtures("flowers")
def test_training_is_fixed_by_what_was_there_then(winnow_on_each: Winnow) -> None:
    runtime = winnow_on_each.context.runtime
    with winnow_on_each.database.read() as session:
        project, version = session.get_one(ProjectRow, 1), session.get_one(VersionRow, 1)
        given = lesson(runtime, session, project, version)
    assert given.fields is not None
    assert given.fields.columns.shape == (given.positions, len(NAMES))
    assert learn(given, TaskKind.SINGLE).head.coef_.shape[1] == runtime.encoder.dimensions + len(NAMES)
