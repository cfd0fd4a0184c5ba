"""The vectors of the texts asked last, in a few large blocks.

Each as an object of its own, ten thousand small pieces of memory would lie strewn among what requests use for a moment.
The allocator cannot give back what lies between them, so a process would go on growing long after it keeps no more.
"""

import threading
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 1_024

Floats = NDArray[np.float32]


class KeptVectors:
    """Vectors by the mark of their text, for several threads; what was not wanted for longest goes first.

    Args:
        most: how many are kept; with 0 none is.
        dimensions: numbers a vector.
    """

    def __init__(self, most: int, dimensions: int) -> None:
        self._most = most
        self._dimensions = dimensions
        self._blocks: list[Floats] = []
        self._places: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many are kept now."""
        return len(self._places)

    def get(self, mark: bytes) -> Floats | None:
        """A copy of a vector, which from now on counts as wanted last; None where it is not kept."""
        with self._lock:
            place = self._places.get(mark)
            if place is None:
                return None
            self._places.move_to_end(mark)
            return self._row(place).copy()  # the place may be another's in a moment

    def put(self, mark: bytes, vector: Floats) -> None:
        """Keep a vector, in the place of the one that was not wanted for longest where there is no other."""
        if not self._most:
            return
        with self._lock:
            place = self._places.pop(mark, None)
            if place is None:
                place = self._free()
            self._row(place)[:] = vector
            self._places[mark] = place

    def _free(self) -> int:
        if len(self._places) >= self._most:
            return self._places.popitem(last=False)[1]
        place = len(self._places)  # places are given out in turn, and never taken back but for another vector
        if place == BLOCK * len(self._blocks):
            rows = min(BLOCK, self._most - place)
            self._blocks.append(np.empty((rows, self._dimensions), np.float32))
        return place

    def _row(self, place: int) -> Floats:
        row: Floats = self._blocks[place // BLOCK][place % BLOCK]
        return row
