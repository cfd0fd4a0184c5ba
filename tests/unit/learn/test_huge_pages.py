"""Large blocks that are in use lie in huge pages, and nothing takes more memory for it."""

import subprocess
import sys
from unittest.mock import Mock, call

import pytest

from models.learn.huge_pages import HUGE_PAGE, _full_blocks, use_huge_pages

_ASKED = """
import mmap
from pathlib import Path
from models.learn.huge_pages import use_huge_pages

def kib(name):
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))

def block():
    return mmap.mmap(-1, 64 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

full, apart, sparse = block(), mmap.mmap(-1, 4096), block()
full.write(bytes(range(256)) * (64 * 2**12))
sparse[::2**20] = bytes(64)
before = kib("Rss")
done = use_huge_pages()
assert full[:] == bytes(range(256)) * (64 * 2**12)
print(done // 1024, kib("AnonHugePages"), kib("Rss") - before)
"""

_MAPPINGS = """\
00200000-00900000 rw-p 00000000 00:00 0                                  [heap]
Size:               7168 kB
Rss:                7168 kB
10100000-10800000 rw-p 00000000 00:00 0
Rss:                7100 kB
20000000-20800000 rw-p 00000000 00:00 0
Rss:                  40 kB
30000000-30800000 rw-p 00000000 08:01 77                                 /var/lib/file
Rss:                8192 kB
40000000-40800000 r--p 00000000 00:00 0
Rss:                8192 kB
50000000-50800000 rw-p 00000000 00:00 0                                  [stack]
Rss:                8192 kB
60000000-60180000 rw-p 00000000 00:00 0
Rss:                1536 kB
"""


def test_only_whole_huge_pages_of_full_anonymous_memory_count() -> None:
    assert HUGE_PAGE == 0x200000
    assert _full_blocks(_MAPPINGS) == [(0x200000, 0x800000), (0x10200000, 0x10800000)]


def test_what_is_said_to_be_there_is_there_and_others_stay_as_small_as_they_are() -> None:
    """How much the system moves is its own affair: none without huge pages, little where memory lies in pieces."""
    told = subprocess.run([sys.executable, "-c", _ASKED], check=True, capture_output=True, text=True).stdout
    done, huge, more = map(int, told.split())
    assert huge >= done
    assert more < 16 * 1024


def test_each_full_block_is_asked_for_and_only_what_was_moved_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    system = Mock()
    system.madvise.side_effect = [-1, 0]
    monkeypatch.setattr("pathlib.Path.read_text", lambda _: _MAPPINGS)
    monkeypatch.setattr("ctypes.CDLL", lambda _: system)
    assert use_huge_pages() == 0x600000
    assert system.madvise.call_args_list == [call(0x200000, 0x600000, 25), call(0x10200000, 0x600000, 25)]


def test_a_system_that_has_none_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathlib.Path.read_text", _refuse)
    assert use_huge_pages() == 0


def _refuse(*_: object) -> str:
    raise FileNotFoundError
