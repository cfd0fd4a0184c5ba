"""What is read from end to end again and again, in pages of 2 MiB.

For each pass an encoder reads all of its weights. In pages of 4 KiB they have more addresses than the processor
remembers: it looks them up anew each time, on a virtual machine at two levels, and forgets those of all other code.
"""

import ctypes
import re
from pathlib import Path
from typing import Final

HUGE_PAGE: Final = 2 * 2**20
_MAPPINGS: Final = Path("/proc/self/smaps")
_MADV_COLLAPSE: Final = 25
_FULL: Final = 0.9
_HEAD: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(\[heap\])?$")


def use_huge_pages() -> int:
    """Put the large blocks of memory that this process uses in full into huge pages, where the system has them.

    Only full ones, and only once, so that no more memory is taken than before, nor later for what is given back. See
    madvise(2), MADV_COLLAPSE (Linux 6.1 and later).

    Returns:
        How many bytes lie in blocks that were put there; 0 where the system does no such thing.
    """
    try:
        blocks = _full_blocks(_MAPPINGS.read_text())
        advise = ctypes.CDLL(None).madvise
    except (OSError, AttributeError, TypeError):  # another system
        return 0
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    done = 0
    for start, end in blocks:
        if advise(start, end - start, _MADV_COLLAPSE) == 0:  # else it is gone by now, or cannot be moved
            done += end - start
    return done


def _full_blocks(mappings: str) -> list[tuple[int, int]]:
    """Start and end of the whole huge pages within anonymous memory that is in use."""
    blocks = []
    at: tuple[int, int] | None = None
    for line in mappings.splitlines():
        head = _HEAD.match(line)
        if head is not None:
            at = int(head[1], 16), int(head[2], 16)
        elif at is not None and line.startswith("Rss:"):
            start, end = at
            if int(line.split()[1]) * 1024 >= _FULL * (end - start):
                blocks.append((-(-start // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE))
            at = None
    return [(start, end) for start, end in blocks if start < end]
