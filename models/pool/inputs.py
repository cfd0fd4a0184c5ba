"""What a head is given for the items of a pool: their vectors, and for a version that uses fields also their columns.

Columns are made of the items' records in the store. Those of the whole pool lie in a file beside the vectors, append-
only like these and in a folder that goes with the first erasure; it may be deleted at any time.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from models.learn.fields import FieldFeatures, joined
from models.pool.vectors import Pool
from models.store.queries.items import records_of

_READ = 4_096
_SCORED = 8_192
_FEW = 5_000
_KEPT = 4
_HALF = 2


@dataclass(frozen=True)
class Inputs:
    """The items of a pool as a head wants them.

    Attributes:
        session: reads records; it must see the pool's items.
        features: None for a head that wants vectors alone: then no record is read.
    """

    pool: Pool
    session: Session
    features: FieldFeatures | None

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Inputs of the items at these places, shape (m, d)."""
        vectors = self.pool.rows(places)
        if self.features is None:
            return vectors
        path = _path(self.pool.folder, self.features)
        if len(places) <= _FEW and _whole(path, self.features) < len(self.pool):
            made = _made(self.session, self.features, self.pool.item_ids[places])
            return joined(vectors, made.astype(np.float32))
        return joined(vectors, self._columns(self.features)[places].astype(np.float32))

    def blocks(self, start: int) -> Iterator[NDArray[np.float32]]:
        """Inputs of all items from a place on, block by block."""
        columns = None if self.features is None or not len(self.pool) else self._columns(self.features)
        for at in range(start, len(self.pool), _SCORED):
            block = self.pool.vectors[at : at + _SCORED].astype(np.float32)
            beside = None if columns is None else columns[at : at + _SCORED].astype(np.float32)
            yield joined(block, beside)

    def _columns(self, features: FieldFeatures) -> NDArray[np.float16]:
        """The columns of the whole pool, shape (n, m), read from the store as far as they are new here."""
        path = _path(self.pool.folder, features)
        with FileLock(self.pool.folder / "fields.lock", timeout=600):
            fresh = not path.exists()
            done = _whole(path, features)
            with path.open("ab") as file:
                file.truncate(done * features.width * _HALF)  # a process that died may have left half a row
                for at in range(done, len(self.pool), _READ):
                    file.write(_made(self.session, features, self.pool.item_ids[at : at + _READ]).tobytes())
            if fresh:
                _forget_older(self.pool.folder, path)
            return np.memmap(path, np.float16, "r", shape=(len(self.pool), features.width))


def _made(session: Session, features: FieldFeatures, item_ids: NDArray[np.int64]) -> NDArray[np.float16]:
    """Columns of some items, shape (n, m); of erased ones they are 0."""
    there = records_of(session, [one for one in item_ids.tolist() if one > 0])
    columns = np.zeros((len(item_ids), features.width), np.float16)
    places = [place for place, one in enumerate(item_ids.tolist()) if one in there]
    columns[places] = features.transform([there[int(item_ids[place])].fields for place in places])
    return columns


def _path(folder: Path, features: FieldFeatures) -> Path:
    return folder / f"fields-{features.key}.f16"


def _whole(path: Path, features: FieldFeatures) -> int:
    """How many items a file has columns of."""
    try:
        return path.stat().st_size // (features.width * _HALF)
    except FileNotFoundError:
        return 0


def _forget_older(folder: Path, newest: Path) -> None:
    """Each version has columns of its own: those of a few are kept."""
    others = [path for path in folder.glob("fields-*.f16") if path != newest]
    for path in sorted(others, key=os.path.getmtime)[: -(_KEPT - 1)]:
        path.unlink(missing_ok=True)
