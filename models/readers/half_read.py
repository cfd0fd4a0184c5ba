"""Files whose reading was put off: a long one is read once, and not from its beginning in every slice of the work."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from models.readers.records import Record, RowError

Outcomes = Iterator[Record | RowError]


class HalfRead:
    """What one process keeps of files between two slices. Losing it costs time, nothing else.

    Args:
        most: how many files are kept open.
    """

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: OrderedDict[Path, tuple[int, Outcomes]] = OrderedDict()

    def put(self, path: Path, rows: int, outcomes: Outcomes) -> None:
        """Keep the outcomes of a file that come after its first `rows`."""
        self._kept[path] = rows, outcomes
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def take(self, path: Path, rows: int) -> Outcomes | None:
        """The outcomes of a file after its first `rows`; None where it has to be read from its beginning.

        Another process may have taken a part meanwhile: that is passed over.
        """
        kept = self._kept.pop(path, None)
        if kept is None or kept[0] > rows:
            return None
        more = rows - kept[0]
        next(islice(kept[1], more, more), None)
        return kept[1]

    def sweep(self) -> None:
        """Let go of files that are deleted, so that nothing of them stays on the disk."""
        for path in [path for path in list(self._kept) if not path.exists()]:
            self._kept.pop(path, None)
