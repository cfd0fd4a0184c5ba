"""Files of any size by Ray Data: the real command, the same answers as over HTTP, going on where it was stopped."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.learn.onnx_encoder import OnnxEncoder
from models.runtime import Runtime
from models.steps import serve
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.store.tables import ProjectRow
from tests.integration.conftest import Drain, put, texts
from worker.categorize.__main__ import main

pytest.importorskip("ray", reason="Ray is not installed: pip install 'winnow[ray]'")
pytestmark = pytest.mark.timeout(1200)

ROWS = [text for text, _ in texts(46)]


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture
def environment(runtime: Runtime, encoder_cache: Path) -> dict[str, str]:
    exported = next(folder for folder in sorted(encoder_cache.glob("*-fp32-onnx")) if OnnxEncoder.is_there(folder))
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
        "WINNOW_DATABASE_URL": str(runtime.database.url),
        "WINNOW_DATA_DIR": str(runtime.settings.data_dir),
        "WINNOW_ENCODER": str(exported),
        # Ray waits for its own parts however busy the machine is, and ends none because others need the memory.
        "RAY_worker_register_timeout_seconds": "300",
        "RAY_memory_monitor_refresh_ms": "0",
    }


def command(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "winnow", "categorize", *map(str, arguments)]
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=500, check=False)


def here(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, arguments: Sequence[object]) -> int:
    """The same in this process, where it comes to an end before anything is spread."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["categorize", *map(str, arguments)])
    return main()


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)) if path.suffix == ".csv" else [json.loads(line) for line in file]


def test_a_folder_is_answered_as_over_http_and_what_is_written_is_not_done_again(
    runtime: Runtime,
    ann: Caller,
    project: ProjectRow,
    drain: Drain,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(runtime, ann, project, [NewItem(text, category=name) for text, name in texts(60)])
    drain()
    source, target = tmp_path / "records", tmp_path / "answers"
    source.mkdir()
    pq.write_table(pa.table({"text": ROWS[:20], "n": range(20)}), source / "a.parquet")
    (source / "b.jsonl").write_text("".join(json.dumps({"text": text, "n": 1}) + "\n" for text in ROWS[20:40]))
    (source / "c.csv").write_text("n,text\n" + "".join(f'1,"{text}"\n' for text in ROWS[40:]) + "2,\n")

    done = command(environment, source, target, "--version", 1, "--part-rows", 8, "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) | {"seconds": 0} == {"parts": 7, "rows": 47, "errors": 1, "seconds": 0}
    written = sorted(path for path in target.iterdir() if path.name[0] not in "._")
    assert [path.suffix for path in written] == [".parquet"] * 3 + [".jsonl"] * 3 + [".csv"]
    rows = [row for path in written for row in read(path)]
    assert [row["text"] for row in rows] == [*ROWS, ""]
    assert rows.pop()["error"].startswith("line 8, column 1: ")
    asked = serve.predict(runtime, ann, project.slug, [NewItem(text) for text in ROWS], number=1).answers
    assert len({row["category"] for row in rows}) > 1
    for row, one in zip(rows, asked, strict=True):
        assert row["category"] == one.prediction.category.name
        assert float(row["confidence"]) == pytest.approx(one.prediction.confidence, abs=1.01e-4)
        assert row["decision"] == one.verdict.value
        assert int(row["model_version"]) == one.prediction.number == 1

    before = {path: path.stat().st_mtime_ns for path in written}
    contents = written[4].read_bytes()
    written[4].unlink()
    again = command(environment, source, target, "--version", 1, "--part-rows", 8, "--workers", 1)
    assert json.loads(again.stdout)["parts"] == 1, again.stderr
    assert written[4].read_bytes() == contents
    assert {path: path.stat().st_mtime_ns for path in written if path != written[4]} == {
        path: when for path, when in before.items() if path != written[4]
    }

    assert here(environment, monkeypatch, (source, target, "--version", 0, "--part-rows", 8)) == 1
    assert "name an empty folder" in capsys.readouterr().err
    assert written[4].read_bytes() == contents


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.csv", "out", "--version", 0), "there is no file at nowhere.csv"),
        (("x.csv", "out", "--version", 9), "version 9"),
        (("x.csv", "out", "--version", 0, "--project", "none"), "none"),
    ],
)
def test_what_cannot_be_done_is_said(
    environment: dict[str, str],
    arguments: tuple[object, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert here(environment, monkeypatch, arguments) == 1
    assert told in capsys.readouterr().err
