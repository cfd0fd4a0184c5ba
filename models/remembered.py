"""Answers given to programs, written down before they are given, those of one moment in one transaction."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

from sqlalchemy import Table, insert

from models.store.quick import Jot
from models.store.session import Database
from models.store.tables import PredictionRow
from models.together import Together

Row = dict[str, Any]
_MOST_ROWS = 2_000
_TABLE = cast("Table", PredictionRow.__table__)
_JOT = Jot(insert(_TABLE), _TABLE.columns.keys())


class Remembered:
    """Writes predictions. Whoever calls while another writes is written by the next transaction, with all who wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together: Together[Sequence[Row], None] = Together(self._write, _fit_a_transaction)

    def write(self, rows: Sequence[Row]) -> None:
        """Write rows of `PredictionRow`: once this returns, every process finds them by their id.

        It does not wait for the disk: a power cut may lose the last ones, the death of a process none.
        """
        self._together(rows)

    def _write(self, tasks: Sequence[Sequence[Row]]) -> list[None]:
        _JOT.down(self._database, list(chain.from_iterable(tasks)))
        return [None] * len(tasks)


def _fit_a_transaction(tasks: Sequence[Sequence[Row]]) -> int:
    rows = 0
    for count, task in enumerate(tasks):
        rows += len(task)
        if count and rows > _MOST_ROWS:
            return count
    return len(tasks)
