"""How the C library keeps memory that Python and numpy have let go of."""

import ctypes
import os
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_CHOSEN_BY_OTHERS: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


def give_back_large_blocks(mib: int) -> bool:
    """Have large arrays lie in places of their own, which go back to the system when the arrays go.

    glibc would do so by itself, but learns from the first large array that is let go of to put the next ones, up to
    32 MiB, among the small. There each small thing behind them keeps their place, and what a training used stays with
    the process: it grew with the size of the largest training, not with what it holds. Left as it is where the
    environment says something about the allocator, and where it is not glibc's.

    Args:
        mib: what counts as large. Twice as much may stay free at the end of what holds the small.

    Returns:
        Whether it is so now.
    """
    if any(name in os.environ for name in _CHOSEN_BY_OTHERS):
        return False
    try:
        choose = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError):  # another C library, or none that is found without a name
        return False
    return bool(choose(_MMAP_THRESHOLD, mib * 2**20)) and bool(choose(_TRIM_THRESHOLD, 2 * mib * 2**20))
