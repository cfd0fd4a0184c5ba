"""A long file goes on from the attempt before, and does not fill the disk with what earlier ones left."""

from pathlib import Path

from models.steps.partial import Partial
from models.writers import Piece


def attempt(folder: Path, token: int, data: bytes, rows: int) -> Partial:
    """One that writes a piece after what it found, and dies."""
    made = Partial(folder, "job", token)
    with made.writing() as file:
        made.add(file, Piece(data, made.rows + rows))
    return made


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_each_attempt_takes_over_what_was_whole_and_the_place_of_it(tmp_path: Path) -> None:
    for token in (1, 2, 3):
        made = attempt(tmp_path, token, b"row\n", 1)
        assert made.rows == token
        assert made.path.read_bytes() == b"row\n" * token
        assert names(tmp_path) == {f"job-{token}", f"job-{token}.marks"}


def test_what_was_never_marked_is_cleared_away_too(tmp_path: Path) -> None:
    (tmp_path / "job-1").write_bytes(b"half a ro")
    assert attempt(tmp_path, 2, b"row\n", 1).rows == 1
    assert names(tmp_path) == {"job-2", "job-2.marks"}


def test_one_that_was_taken_for_dead_takes_nothing_from_its_successor(tmp_path: Path) -> None:
    attempt(tmp_path, 2, b"row\n", 1)
    attempt(tmp_path, 1, b"late\n", 1)
    assert names(tmp_path) >= {"job-2", "job-2.marks"}
    assert (tmp_path / "job-2").read_bytes() == b"row\n"
