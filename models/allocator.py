"""How the C library keeps memory that Python and numpy have let go of."""

import ctypes
import os
import threading
import time
from typing import Any, Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_ARENAS: Final = 2
_CHOSEN_BY_OTHERS: Final = (
    "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
)


def give_back_large_blocks(mib: int) -> bool:
    """Have large arrays lie in places of their own, which go back to the system when the arrays go.

    glibc would do so by itself, but learns from the first large array that is let go of to put the next ones, up to
    32 MiB, among the small. There each small thing behind them keeps their place, and what a training used stays with
    the process: it grew with the size of the largest training, not with what it holds. Left as it is where the
    environment says something about the allocator, and where it is not glibc's.

    Threads get two places among them, instead of one each: what is free in the place of one serves no other.

    Args:
        mib: what counts as large. Twice as much may stay free at the end of what holds the small.

    Returns:
        Whether it is so now.
    """
    choose = _of_glibc("mallopt")
    if choose is None:
        return False
    sizes = bool(choose(_MMAP_THRESHOLD, mib * 2**20)) and bool(choose(_TRIM_THRESHOLD, 2 * mib * 2**20))
    return sizes and bool(choose(_ARENA_MAX, _ARENAS))


def give_back_regularly(seconds: float) -> threading.Thread | None:
    """Have whole pages that are free between small things go back to the system every so many seconds.

    glibc itself gives back only what is free at the end of a place: what becomes free in its midst stays with the
    process, which grew for as long as it worked.

    Returns:
        The thread that sees to it, which ends with the process; None where the allocator is left as it is.
    """
    trim = _of_glibc("malloc_trim")
    if trim is None:
        return None

    def run() -> None:
        while True:
            time.sleep(seconds)
            trim(0)

    thread = threading.Thread(target=run, name="allocator", daemon=True)
    thread.start()
    return thread


def _of_glibc(name: str) -> Any:
    """A function of glibc's allocator; None where that is another one, or was arranged by the operator."""
    if any(one in os.environ for one in _CHOSEN_BY_OTHERS):
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, TypeError):  # another C library, or none that is found without a name
        return None
