"""The best of many, without putting all of them in order."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_FIRST = 4
_GROWTH = 8


def best_first(key: NDArray[np.float64], size: int) -> Iterator[NDArray[np.intp]]:
    """The places of an array by rising key, equal keys as they stand; no more is sorted than is asked for.

    Args:
        key: shape (n,).
        size: of the blocks; the last may be smaller.

    Returns:
        Blocks of places, shape (size,).
    """
    rest = np.arange(len(key))
    held = rest[:0]
    wanted = size * _FIRST
    while len(rest):
        best, rest = _parted(key, rest, wanted)
        held = np.concatenate([held, best[np.argsort(key[best], kind="stable")]])
        while len(held) >= size or (len(held) and not len(rest)):
            yield held[:size]
            held = held[size:]
        wanted *= _GROWTH


def _parted(
    key: NDArray[np.float64], places: NDArray[np.intp], count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of the `count` lowest keys with all that equal them, and the others."""
    if count >= len(places):
        return places, places[:0]
    keys = key[places]
    inside = keys <= np.partition(keys, count - 1)[count - 1]
    return places[inside], places[~inside]
