"""Data out in every format, and as a job where there is too much to stream."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from models.learn.encoders import Encoder
from tests.api.conftest import Winnow, build, make_project, settings_for


@pytest.fixture
def path(winnow: Winnow) -> str:
    return filled(winnow)


def filled(winnow: Winnow, **more: Any) -> str:
    path = f"/v1/projects/{make_project(winnow, **more)}"
    items = [
        {"id": "T-1", "text": "I was charged twice\nfor “it”", "category": "Billing", "fields": {"channel": "mail"}},
        {"id": "T-2", "text": "cannot sign in", "category": "Login"},
        {"text": "=nobody decided"},
    ]
    assert winnow.post(f"{path}/items", json={"items": items}).json()["added"] == 3
    winnow.work()
    return path


def taken(winnow: Winnow, path: str, form: str) -> bytes:
    answer = winnow.get(f"{path}/export?format={form}", "manager")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def test_parquet_has_a_typed_column_for_each_part(winnow: Winnow, path: str) -> None:
    answer = winnow.get(f"{path}/export?format=parquet", "manager")
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="support-tickets.parquet"'
    table = pq.read_table(io.BytesIO(answer.content))
    first, _, third = table.to_pylist()
    assert (first["external_id"], first["category"], first["state"]) == ("T-1", "Billing", "decided")
    assert first["decided_at"].tzinfo is not None
    assert json.loads(first["fields"]) == {"channel": "mail"}
    assert (third["category"], third["text"]) == (None, "=nobody decided")
    assert 0 < third["confidence"] <= 1
    assert third["model_version"] == 0


def test_label_studio_prodigy_and_fasttext(winnow: Winnow, path: str) -> None:
    tasks = json.loads(taken(winnow, path, "label-studio"))
    assert [bool(task["annotations"]) for task in tasks] == [True, True, False]
    assert all(task["predictions"][0]["result"][0]["type"] == "choices" for task in tasks)
    examples = [json.loads(line) for line in taken(winnow, path, "prodigy").splitlines()]
    assert [one.get("accept") for one in examples] == [["Billing"], ["Login"], None]
    assert [option["id"] for option in examples[0]["options"]] == ["Billing", "Login"]
    lines = taken(winnow, path, "fasttext").decode().splitlines()
    assert lines[:2] == ["__label__Billing I was charged twice for “it”", "__label__Login cannot sign in"]
    names = {
        form: winnow.get(f"{path}/export?format={form}", "manager").headers["Content-Disposition"]
        for form in ("label-studio", "prodigy", "fasttext")
    }
    assert names["label-studio"].endswith('"support-tickets-label-studio.json"')
    assert names["fasttext"].endswith('"support-tickets-fasttext.txt"')


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "label-studio", "prodigy"])
@pytest.mark.parametrize("task", ["single", "multi"])
@pytest.mark.parametrize("named", [{}, {"label_field": "category", "id_field": "external_id"}])
def test_what_goes_out_comes_in_again_the_same(winnow: Winnow, form: str, task: str, named: dict[str, str]) -> None:
    source = filled(winnow, task=task)
    content = taken(winnow, source, form)
    target = f"/v1/projects/{make_project(winnow, name='Second', task=task)}"
    ours = form not in {"label-studio", "prodigy"}
    started = winnow.post(
        f"{target}/imports", "manager", files={"file": ("back", content)}, data=named if ours else {"format": form}
    )
    winnow.work()
    told = winnow.get(f"{target}/imports/{started.json()['id']}", "manager").json()
    assert (told["status"], told["rows_added"], told["rows_rejected"]) == ("succeeded", 3, 0)
    assert (told["note"] is not None) is ours

    def rows(path: str) -> list[tuple]:
        exported = [json.loads(line) for line in taken(winnow, path, "jsonl").splitlines()]
        names = ("external_id", "text", "category", "state", *(["fields"] if ours else []))
        return [tuple(one[name] for name in names) for one in exported]

    assert rows(target) == rows(source)
    names = [one["name"] for one in winnow.get(f"{target}/categories").json()["items"]]
    assert names == ["Billing", "Login"]


def test_an_unknown_format_is_refused(winnow: Winnow, path: str) -> None:
    assert winnow.get(f"{path}/export?format=xlsx", "manager").status_code == 422


@pytest.fixture
def small(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    """Two items are too many to stream here."""
    yield from build(settings_for(tmp_path / "data", sqlite_url, redis_url, export_stream_items=2), encoder)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "label-studio", "prodigy", "fasttext"])
def test_too_many_items_are_written_by_a_job(small: Winnow, form: str) -> None:
    path = filled(small)
    answer = small.get(f"{path}/export?format={form}", "manager")
    job = answer.json()
    assert (answer.status_code, job["kind"], job["status"]) == (202, "export", "queued")
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert small.get(f"{path}/export?format={form}", "manager").json()["id"] == job["id"]
    assert small.get(f"/v1/jobs/{job['id']}/result", "manager").status_code == 404
    small.work()
    done = small.get(answer.headers["Location"], "manager").json()
    assert (done["status"], done["progress"], done["result"]["rows"]) == ("succeeded", {"done": 3, "total": 3}, 3)
    assert "path" not in done["result"]
    file = small.get(done["result"]["url"], "manager")
    assert file.headers["Content-Disposition"].endswith(f'filename="{done["result"]["filename"]}"')
    part = small.get(f"{path}/export?format={form}&state=decided", "manager")
    assert part.status_code == 200
    if form == "csv":
        assert file.text.splitlines()[0].startswith("id,external_id,text,")
        assert "'=nobody decided" in file.text
    if form == "parquet":
        assert pq.read_table(io.BytesIO(file.content)).num_rows == 3


def test_somebody_elses_export_is_not_there(small: Winnow) -> None:
    path = filled(small)
    job = small.get(f"{path}/export", "manager").json()["id"]
    small.work()
    assert small.get(f"/v1/jobs/{job}/result", "program").status_code == 404
