"""What was read from a file, kept for as long as the file is the same: a request need not read millions of numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.bounded import Bounded

V = TypeVar("V")
N = TypeVar("N", bound=np.generic)

_Stamp = tuple[int, int, int]


class Kept(Generic[V]):
    """Values by the file that they were read from; those of several threads may be the same, and nobody changes one.

    Args:
        most: of how many files.
    """

    def __init__(self, most: int) -> None:
        self._values: Bounded[Path, tuple[_Stamp, V]] = Bounded(most)

    def of(self, path: Path, read: Callable[[], V]) -> V:
        """The value of a file; read where it is not kept, or the file is another or longer than it was then."""
        stamp = _stamp(path)
        found = self._values.get(path)
        if stamp is not None and found is not None and found[0] == stamp:
            return found[1]
        value = read()
        if stamp is not None and stamp == _stamp(path):
            self._values.put(path, (stamp, value))
        return value


def fixed(values: NDArray[N]) -> NDArray[N]:
    """An array that nobody can change."""
    values.flags.writeable = False
    return values


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
