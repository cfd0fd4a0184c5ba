"""Long files in the making: what one attempt has written, the next one goes on from.

Each attempt writes a file of its own, named after its lease, with a list of marks beside it: so many rows are whole in
so many bytes. One that was taken for dead and writes on spoils nothing for its successor, which has a copy of the part
that was marked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.writers import Piece

_MARKS = ".marks"
_COPIED = 2**20


class Partial:
    """A file in the making.

    Args:
        folder: where it and those of earlier attempts are.
        job_id: whose it is.
        token: which attempt this is.

    Attributes:
        path: the file of this attempt.
        rows: how many rows of it are whole.
    """

    def __init__(self, folder: Path, job_id: str, token: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._job_id, self._token = folder, job_id, token
        self.path = self._part(token)
        self.rows = 0

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """The file, holding what the best of the earlier attempts had marked, to be written on."""
        before, rows, size = max(self._earlier(), key=lambda found: found[1], default=(None, 0, 0))
        with self.path.open("wb") as file:
            if before is not None:
                self._copy(before, size, file)
                self._mark(file, rows)
            for token in range(self._token):  # each would fill the disk with a copy
                self._part(token).unlink(missing_ok=True)
                self._marks(token).unlink(missing_ok=True)
            yield file

    def add(self, file: BinaryIO, piece: Piece) -> None:
        """Write a piece, and mark it where one can go on from it."""
        file.write(piece.data)
        if piece.rows is not None:
            self._mark(file, piece.rows)

    def forget_earlier(self) -> None:
        """Remove what other attempts left, and the marks of this one."""
        for path in self._folder.glob(f"{self._job_id}-*"):
            if path != self.path:
                path.unlink(missing_ok=True)

    def _copy(self, before: Path, size: int, file: BinaryIO) -> None:
        """Take over what an earlier attempt has whole. Where the disk is full, no second copy of it stays."""
        try:
            with before.open("rb") as source:
                while size and (part := source.read(min(size, _COPIED))):
                    size -= file.write(part)
            file.flush()
        except OSError:
            self.path.unlink()
            raise

    def _mark(self, file: BinaryIO, rows: int) -> None:
        """Write down that so many rows are whole by here."""
        file.flush()
        with self._marks(self._token).open("a") as marks:
            marks.write(f"{rows} {file.tell()}\n")
        self.rows = rows

    def _earlier(self) -> Iterator[tuple[Path, int, int]]:
        """What each earlier attempt has whole: its file, rows and bytes."""
        for token in range(self._token):
            path, marks = self._part(token), self._marks(token)
            if path.is_file() and marks.is_file():
                there = path.stat().st_size
                lines = [line.split() for line in marks.read_text().splitlines()]
                whole = [(int(line[0]), int(line[1])) for line in lines if len(line) == 2 and int(line[1]) <= there]  # noqa: PLR2004
                if whole:
                    yield (path, *max(whole))

    def _part(self, token: int) -> Path:
        return self._folder / f"{self._job_id}-{token}"

    def _marks(self, token: int) -> Path:
        return self._folder / f"{self._job_id}-{token}{_MARKS}"
