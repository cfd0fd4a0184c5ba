"""Files on any store that fsspec knows: what there is to read, the rows in parts, and the parts that are written."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, cast

import fsspec

from models.errors import Conflict, Missing
from models.readers.reading import open_rows
from models.readers.records import ReadOptions, Row, RowError, excerpt
from models.writers import writer_suffix
from models.writers.augmenting import Form

PLAN = "_winnow.json"
"""What the parts of a destination are made of, so that nothing else is ever mixed in."""

_STEM_CHARS = 80


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read.

    Attributes:
        path: its address, with the protocol.
        place: which of the files it is, from 0.
        size: in bytes.
    """

    path: str
    place: int
    size: int

    @property
    def filename(self) -> str:
        """Its name without the folders."""
        return PurePosixPath(self.path).name


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a file, and how they are to be written."""

    name: str
    form: Form
    rows: list[Row | RowError]


@dataclass(frozen=True, slots=True)
class Done:
    """A part that was written."""

    name: str
    rows: int
    errors: int


def sources(address: str) -> list[Source]:
    """The files that an address stands for: a file, all of a folder, or those that fit a pattern, by name.

    Raises:
        Missing: there is none.
    """
    system, path = fsspec.url_to_fs(address)
    if system.isdir(path):
        names = [name for name in system.find(path) if not _hidden(name[len(path) :])]
    else:
        names = system.glob(path) if any(sign in path for sign in "*?[") else [path] * system.exists(path)
    if not names:
        raise Missing(f"there is no file at {address}")
    return [
        Source(str(system.unstrip_protocol(name)), place, int(system.size(name) or 0))
        for place, name in enumerate(sorted(names))
    ]


def parts(source: Source, options: ReadOptions, format: str | None, rows: int, there: frozenset[str]) -> Iterator[Part]:
    """The rows of a file in parts; those that are there already are passed over.

    Args:
        format: of the result; as the file's own if None.
        rows: of each part.
        there: names of parts that are written.

    Raises:
        Invalid: nothing of the file can be read.
    """
    opened = open_rows(lambda: fsspec.open(source.path, "rb").open(), source.filename, options)
    form = Form.of(opened, options)
    if format is not None:
        form = form.as_format(format)
    stem = source.filename.partition(".")[0][:_STEM_CHARS]
    for number in range(10**9):
        name = f"{source.place:05d}-{stem}-{number:06d}.{writer_suffix(form.format)}"
        if name in there:
            if sum(1 for _ in islice(opened.rows, rows)) < rows:
                return
            continue
        block = list(islice(opened.rows, rows))
        if block or not number:
            yield Part(name, form, block)
        if len(block) < rows:
            return


def packed(rows: Sequence[Row | RowError]) -> bytes:
    """Rows as bytes, to be sent."""
    told = [
        ["error", row.line, row.column, row.code, row.message, row.row, row.fields]
        if isinstance(row, RowError)
        else ["row", row.line, row.fields, excerpt(row.source), row.original, row.kept]
        for row in rows
    ]
    return json.dumps(told).encode()


def unpacked(sent: bytes) -> list[Row | RowError]:
    """The rows that were packed."""
    return [RowError(*rest) if kind == "error" else Row(*rest) for kind, *rest in json.loads(sent)]


class Destination:
    """The folder of the results.

    Args:
        address: of a folder, on any store.
    """

    def __init__(self, address: str) -> None:
        self._system, path = fsspec.url_to_fs(address)
        self._path = path.rstrip("/")

    def claim(self, plan: dict[str, Any]) -> frozenset[str]:
        """Make this the place for what the plan says. Returns the names of parts that are there.

        Raises:
            Conflict: other results are there.
        """
        self._system.makedirs(self._path, exist_ok=True)
        names = {PurePosixPath(name).name for name in self._system.ls(self._path, detail=False)}
        if PLAN in names:
            if json.loads(cast("bytes", self._system.cat_file(f"{self._path}/{PLAN}"))) != plan:
                raise Conflict(f"{self._path} holds answers of another source, version or form: name an empty folder")
        elif {name for name in names if not _hidden(name)}:
            raise Conflict(f"{self._path} is not empty: name an empty folder")
        else:
            self._put(PLAN, json.dumps(plan, indent=1).encode())
        return frozenset(names)

    def write(self, name: str, content: bytes) -> None:
        """Write a part, whole or not at all."""
        self._put(name, content)

    def _put(self, name: str, content: bytes) -> None:
        if "file" not in self._system.protocol:  # object stores show nothing before it is whole
            self._system.pipe_file(f"{self._path}/{name}", content)
            return
        self._system.pipe_file(f"{self._path}/.{name}", content)
        self._system.mv(f"{self._path}/.{name}", f"{self._path}/{name}")


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)
