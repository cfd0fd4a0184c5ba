"""Large arrays that a process has let go of go back to the system, whatever small things came after them."""

import os
import platform
import subprocess
import sys

import pytest

from models import allocator
from models.allocator import give_back_large_blocks

GLIBC = platform.libc_ver()[0] == "glibc"

_KEPT = """
import ctypes, sys
import numpy as np
from pathlib import Path
from models.allocator import give_back_large_blocks

def mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

if sys.argv[1] == "asked":
    assert give_back_large_blocks(4)
reserve = ctypes.CDLL(None).malloc
reserve.restype = ctypes.c_void_p
np.ones(30 * 2**17).sum()  # the first large array that is let go of: glibc learns from it
before = mib()
for _ in range(5):
    large = np.ones(20 * 2**17)
    reserve(100 * 2**10)  # something small behind it, which stays
    del large
print(mib() - before)
"""


def _left(asked: str) -> float:
    told = {name: value for name, value in os.environ.items() if name not in allocator._CHOSEN_BY_OTHERS}
    command = [sys.executable, "-c", _KEPT, asked]
    return float(subprocess.run(command, env=told, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not GLIBC, reason="it is about glibc")
def test_large_arrays_go_back_to_the_system() -> None:
    assert _left("asked") < 5
    assert _left("not asked") > 10  # else nobody has to be asked any more


def test_what_the_operator_said_of_the_allocator_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    assert not give_back_large_blocks(4)


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in allocator._CHOSEN_BY_OTHERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not give_back_large_blocks(4)
