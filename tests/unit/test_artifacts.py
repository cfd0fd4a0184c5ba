"""Files that API and workers share, in a folder."""

import os
from pathlib import Path

import pytest

from models.artifacts import Artifacts


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """What somebody has waited for until the disk had it."""
    kept: set[Path] = set()
    monkeypatch.setattr(os, "fsync", lambda file: kept.add(Path(f"/dev/fd/{file}").resolve()))
    return kept


def test_what_is_published_is_on_the_disk_before_a_row_names_it(tmp_path: Path, on_disk: set[Path]) -> None:
    artifacts = Artifacts(tmp_path)
    folder = artifacts.making("bundles/1/3-7")
    folder.mkdir()
    (folder / "bundle.json").write_text("{}")
    artifacts.publish("bundles/1/3-7")
    assert on_disk == {folder / "bundle.json", folder, folder.parent, folder.parent.parent, tmp_path}


def test_what_is_written_at_once_is_on_the_disk_too(tmp_path: Path, on_disk: set[Path]) -> None:
    Artifacts(tmp_path).write("uploads/1", [b"a", b"b"])
    assert on_disk == {tmp_path / "uploads" / "1", tmp_path / "uploads", tmp_path}
    assert (tmp_path / "uploads" / "1").read_bytes() == b"ab"


def test_a_folder_that_cannot_be_waited_for_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(file: int) -> None:
        if Path(f"/dev/fd/{file}").is_dir():
            raise OSError("Invalid argument")

    monkeypatch.setattr(os, "fsync", sync)
    Artifacts(tmp_path).write("uploads/1", [b"a"])
