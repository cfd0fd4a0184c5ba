"""What was read from a file is read again when, and only when, the file is another."""

import os
from pathlib import Path

import numpy as np
import pytest

from models.pool.kept import Kept, fixed


class Reader:
    def __init__(self, path: Path) -> None:
        self.path, self.times = path, 0

    def __call__(self) -> str:
        self.times += 1
        return self.path.read_text() if self.path.exists() else "nothing"


def test_a_file_is_read_once_and_again_when_it_is_another(tmp_path: Path) -> None:
    path, kept = tmp_path / "numbers", Kept[str](2)
    read = Reader(path)
    path.write_text("1")
    assert (kept.of(path, read), kept.of(path, read), read.times) == ("1", "1", 1)
    with path.open("a") as file:
        file.write("2")
    assert (kept.of(path, read), kept.of(path, read), read.times) == ("12", "12", 2)
    other = tmp_path / "other"
    other.write_text("34")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)  # as long as the one before, and of the same time
    assert (kept.of(path, read), kept.of(path, read), read.times) == ("34", "34", 3)


def test_what_is_not_there_is_not_kept(tmp_path: Path) -> None:
    path, kept = tmp_path / "numbers", Kept[str](2)
    read = Reader(path)
    assert (kept.of(path, read), kept.of(path, read), read.times) == ("nothing", "nothing", 2)
    path.write_text("1")
    assert kept.of(path, read) == "1"


def test_what_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    path, kept = tmp_path / "numbers", Kept[str](2)
    path.write_text("1")

    def late() -> str:
        found = path.read_text()
        path.write_text("1, and more")
        return found

    assert kept.of(path, late) == "1"
    assert kept.of(path, path.read_text) == "1, and more"


def test_kept_arrays_cannot_be_changed() -> None:
    values = fixed(np.arange(3))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1
