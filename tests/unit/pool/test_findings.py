from pathlib import Path

import numpy as np

from models.pool.findings import kept


class Count:
    """Finds a number, and counts how often it had to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self):
        self.times += 1
        return np.array([self.times])


def test_what_was_found_is_found_once(tmp_path: Path):
    find = Count()
    first = kept(tmp_path, "suspects", (1, b"x"), find)
    again = kept(tmp_path, "suspects", (1, b"x"), find)
    assert first.tolist() == again.tolist() == [1]
    assert find.times == 1


def test_what_is_about_something_else_is_found_anew_and_the_old_goes(tmp_path: Path):
    find = Count()
    kept(tmp_path, "suspects", 1, find)
    other = kept(tmp_path, "else", 1, find)
    assert kept(tmp_path, "suspects", 2, find).tolist() == [3]
    assert other.tolist() == [2]
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["else", "suspects"]


def test_a_broken_file_is_found_anew(tmp_path: Path):
    find = Count()
    kept(tmp_path, "suspects", 1, find)
    for content in (b"", b"\x93NUMPY", b"no array"):
        next(tmp_path.iterdir()).write_bytes(content)
        found = kept(tmp_path, "suspects", 1, find)
        assert found.tolist() == [find.times]
    assert find.times == 4


def test_structured_arrays_keep_their_columns(tmp_path: Path):
    whole = np.array([(3, 0.5)], np.dtype([("row", np.int64), ("score", np.float64)]))
    kept(tmp_path, "suspects", 1, lambda: whole)
    there = kept(tmp_path, "suspects", 1, Count())
    assert (there["row"].tolist(), there["score"].tolist()) == ([3], [0.5])
