"""A file takes the place of another one whole, or not at all."""

from pathlib import Path

import pytest

from models.pool.replacing import replacing


def test_it_is_there_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"before")
    with replacing(path) as file:
        file.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_of_one_that_could_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "kept"

    def fill_the_disk() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill_the_disk()
    assert list(tmp_path.iterdir()) == []
