"""Large arrays that a process has let go of go back to the system, whatever small things came after them."""

import os
import platform
import subprocess
import sys

import pytest

from models import allocator
from models.allocator import give_back_large_blocks, give_back_regularly

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

_STREWN = """
import ctypes, sys, threading, time
from pathlib import Path
from models.allocator import give_back_regularly

def mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
before = mib()
taken = [libc.malloc(40_000) for _ in range(2_000)]
for one in taken:
    ctypes.memset(one, 1, 40_000)
for place, one in enumerate(taken):
    if place % 20:  # the twentieth keeps its place, and what lies before it is free in the midst of others
        libc.free(one)
if sys.argv[1] == "asked":
    assert give_back_regularly(0.05) is not None
until = time.monotonic() + (300 if sys.argv[1] == "asked" else 1)
while mib() - before > 20 and time.monotonic() < until:
    time.sleep(0.05)
print(mib() - before)
"""


def _left(asked: str, code: str = _KEPT) -> float:
    told = {name: value for name, value in os.environ.items() if name not in allocator._CHOSEN_BY_OTHERS}
    command = [sys.executable, "-c", code, asked]
    return float(subprocess.run(command, env=told, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(not GLIBC, reason="it is about glibc")
def test_large_arrays_go_back_to_the_system() -> None:
    assert _left("asked") < 5
    assert _left("not asked") > 10  # else nobody has to be asked any more


def test_what_the_operator_said_of_the_allocator_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    assert not give_back_large_blocks(4)
    assert give_back_regularly(30.0) is None


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in allocator._CHOSEN_BY_OTHERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not give_back_large_blocks(4)
    assert give_back_regularly(30.0) is None


@pytest.mark.skipif(not GLIBC, reason="it is about glibc")
def test_what_is_free_between_small_things_goes_back_too() -> None:
    assert _left("asked", _STREWN) < 20
    assert _left("not asked", _STREWN) > 50  # else nobody has to be asked any more
