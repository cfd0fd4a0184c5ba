"""`winnow backup` and `winnow restore` as people type them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from models.settings import Settings
from models.store.schema import migrate
from models.store.session import Database
from models.store.tables import ProjectRow
from winnow.supervisor.plan import Plan, claim_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a project in it."""
    made = tmp_path / "data"
    database = Database(Settings(data_dir=made).database)
    migrate(database)
    with database.transaction() as session:
        session.add(ProjectRow(slug="kept", name="Kept", salt="0" * 32))
    database.close()
    return made


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    command = [sys.executable, "-m", "winnow", "--data-dir", str(folder), *map(str, arguments)]
    return subprocess.run(command, env=plain, capture_output=True, text=True, timeout=600, check=False)


def test_there_and_back_again(folder: Path, tmp_path: Path) -> None:
    told = run(folder, "--json", "backup", tmp_path / "kept")
    assert told.returncode == 0, told.stderr
    archive = json.loads(told.stdout)["archive"]
    assert json.loads(told.stdout)["projects"] == 1
    restored = run(tmp_path / "other", "restore", archive)
    assert restored.returncode == 0, restored.stderr
    assert "was restored in" in restored.stdout
    assert "1 project, 0 items" in restored.stdout
    database = Database(Settings(data_dir=tmp_path / "other").database)
    with database.read() as session:
        assert session.scalars(select(ProjectRow.slug)).all() == ["kept"]
    database.close()


def test_what_cannot_be_done_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "kept.zip"
    assert run(folder, "backup", archive).returncode == 0
    shutil.copy(archive, tmp_path / "cut.zip")
    os.truncate(tmp_path / "cut.zip", 500)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("mine")
    with claim_folder(Plan(data_dir=folder)):
        running = run(folder, "restore", archive, "--replace")
    refusals = {
        "damaged": run(folder, "restore", tmp_path / "cut.zip", "--check"),
        "is there already": run(folder, "backup", archive),
        "not empty": run(folder, "restore", archive),
        "already runs on": running,
        "no folder and no file, and stays": run(folder, "backup", tmp_path / "pipe"),
        "does not end in .zip": run(folder, "backup", tmp_path / "notes.txt"),
        "no Winnow in": run(tmp_path / "nothing", "backup", tmp_path / "other.zip"),
    }
    for words, ended in refusals.items():
        assert ended.returncode == 2, words
        assert ended.stdout == ""
        assert ended.stderr.startswith("winnow: ")
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "notes.txt").read_text() == "mine"
