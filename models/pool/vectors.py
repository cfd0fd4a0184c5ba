"""The vectors of a project as one append-only file, caught up from the store by position."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import simsimd
from filelock import FileLock
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.pool.kept import Kept, fixed
from models.store.tables import EncoderRow, ProjectRow, VectorRow

_READ = 4_096
_COMPARED = 65_536
_ID_BYTES = 8
_NUMBER_BYTES = 2
_MOST_KEPT = 8
"""Files of ids: a million items take 8 MB in each, and as much to be found by."""

# What these processors do by themselves adds halves up as halves, which is off in the fourth digit: how like two items
# are must not depend on the machine.
for _narrow in ("sapphire", "sve_f16"):
    simsimd.disable_capability(_narrow)


class _Ids:
    """The ids of a file's items, and how to find one; kept for those that come after."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids = ids

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Their places by rising id."""
        return fixed(np.argsort(self.ids, kind="stable").astype(np.int64))


@dataclass(frozen=True)
class Pool:
    """A project's vectors as they were at one moment.

    Attributes:
        folder: where they lie; scores are kept beside them.
        item_ids: shape (n,), int64, in the order of embedding; erased ones are negative.
        vectors: shape (n, d), float16, memory-mapped.
        known: the ids as other pools of the same file know them.
    """

    folder: Path
    item_ids: NDArray[np.int64]
    vectors: NDArray[np.float16]
    known: _Ids | None = None

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.item_ids)

    def places(self, item_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the given items lie; those that are not here are left out. Shape (m,), m ≤ len(item_ids)."""
        if not len(self):
            return np.empty(0, np.int64)
        found = np.searchsorted(self.item_ids, item_ids, sorter=self._order)
        places = self._order[np.minimum(found, len(self) - 1)]
        here: NDArray[np.int64] = places[self.item_ids[places] == item_ids]
        return here

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return (self.known or _Ids(self.item_ids)).order

    def rows(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors at these places, shape (m, d)."""
        return self.vectors[places].astype(np.float32)

    def likeness(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """The dot product of every item's vector with one of shape (d,); shape (n,).

        The halves are multiplied as they lie on disk, block by block: to widen them first would take ten times as long,
        and the pool may be larger than memory.
        """
        half = vector.astype(np.float16)[None]
        found = np.empty(len(self), np.float32)
        for start in range(0, len(self), _COMPARED):
            block = self.vectors[start : start + _COMPARED]
            found[start : start + len(block)] = np.asarray(simsimd.cdist(block, half, metric="inner"))[:, 0]
        return found


_KEPT: Kept[_Ids] = Kept(_MOST_KEPT)


class PoolStore:
    """The local copies of all projects' vectors.

    Args:
        root: a folder that may be deleted at any time: what is missing is read from the store again.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, session: Session, project: ProjectRow, encoder: EncoderRow) -> Pool:
        """The project's vectors as the session sees them, read from the store as far as they are new here."""
        folder = self.root / str(project.id) / f"{encoder.id}-{project.erasures}"
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            return _catch_up(session, project.id, encoder, folder)


def _catch_up(session: Session, project_id: int, encoder: EncoderRow, folder: Path) -> Pool:
    ids_path, vectors_path = folder / "items.i64", folder / "vectors.f16"
    wide = encoder.dimensions * _NUMBER_BYTES
    with ids_path.open("ab") as ids, vectors_path.open("ab") as vectors:
        # A process that died while it appended may have left half a row: both files are cut to what is whole.
        count = min(ids.tell() // _ID_BYTES, vectors.tell() // wide)
        for file, size in ((ids, count * _ID_BYTES), (vectors, count * wide)):
            if file.tell() != size:  # a file that is left alone is known again by its time
                file.truncate(size)
        for positions, item_ids, data in _new_rows(session, project_id, encoder.id, count):
            vectors.write(data)
            vectors.flush()
            ids.write(np.asarray(item_ids, np.int64).tobytes())
            count += len(positions)
    if not count:
        return Pool(folder, np.empty(0, np.int64), np.empty((0, encoder.dimensions), np.float16))
    known = _KEPT.of(ids_path, lambda: _Ids(fixed(np.fromfile(ids_path, np.int64, count))))
    return Pool(
        folder,
        known.ids,
        np.memmap(vectors_path, np.float16, "r", shape=(count, encoder.dimensions)),
        known,
    )


def _new_rows(
    session: Session, project_id: int, encoder_id: int, start: int
) -> Iterator[tuple[list[int], list[int], bytes]]:
    while True:
        rows = session.execute(
            select(VectorRow.position, VectorRow.item_id, VectorRow.data)
            .where(
                VectorRow.project_id == project_id,
                VectorRow.encoder_id == encoder_id,
                VectorRow.position >= start,
            )
            .order_by(VectorRow.position)
            .limit(_READ)
        ).all()
        if not rows:
            return
        yield [row[0] for row in rows], [row[1] for row in rows], b"".join(row[2] for row in rows)
        start = rows[-1][0] + 1


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with FileLock(folder / "lock", timeout=60):
        yield
