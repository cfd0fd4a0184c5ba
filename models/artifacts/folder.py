"""Files in a folder that all processes share."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol


class Place(Protocol):
    """Where something lies that can be read: a path, or an address on a store."""

    def __truediv__(self, name: str, /) -> "Place":
        """What lies below it."""

    def read_bytes(self) -> bytes:
        """All of a file. Raises OSError."""


class Artifacts:
    """Files in a folder that all processes share.

    Attributes:
        folder: where files are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def root(self) -> Place:
        """Where names begin."""
        return self.folder

    def making(self, name: str) -> Path:
        """Where a file or a folder of files is to be made; what is above it is there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def publish(self, name: str) -> None:
        """Show what was made to every process. From then on it survives the power, as do the rows that name it."""
        made = self.folder / name
        for path in (*made.rglob("*"), made, *made.relative_to(self.folder).parents):
            _keep(self.folder / path)

    def fetched(self, name: str) -> Path:
        """A published file on the disk of this host. Nothing is there if it is not kept any more."""
        return self.folder / name

    def kept(self, name: str) -> "Path | tuple[int, Iterator[bytes]]":
        """A published file to be sent to somebody: its path, or elsewhere its size and its bytes in pieces.

        Raises:
            FileNotFoundError: it is not kept any more.
        """
        return (self.folder / name).resolve(strict=True)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Make and publish a file at once."""
        with self.making(name).open("wb") as file:
            for piece in pieces:
                file.write(piece)
        self.publish(name)

    def open(self, name: str) -> IO[bytes]:
        """A published file, to be read from its beginning to its end. Raises FileNotFoundError."""
        return (self.folder / name).open("rb")

    def read(self, name: str) -> bytes:
        """All of a published file. Raises FileNotFoundError."""
        return (self.folder / name).read_bytes()

    def entries(self, under: str = "") -> list[str]:
        """Names of what lies directly under a name, but for what is hidden."""
        folder = self.folder / under
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path.relative_to(self.folder).as_posix() for path in found if not path.name.startswith("."))

    def files(self, under: str = "") -> Iterator[str]:
        """Names of all files under a name, but for what is hidden."""
        for name in self.entries(under):
            path = self.folder / name
            if path.is_dir() and not path.is_symlink():
                yield from self.files(name)
            elif path.is_file() and not path.is_symlink():
                yield name

    def hidden(self, kind: str) -> list[str]:
        """Names of what lies at the top and is called `.kind-…`."""
        return [path.name for path in self.folder.glob(f".{kind}-*")]

    def changed(self, name: str) -> datetime:
        """When it was changed last; now, if somebody else has just removed it."""
        try:
            return datetime.fromtimestamp((self.folder / name).stat().st_mtime, UTC)
        except FileNotFoundError:
            return datetime.now(UTC)

    def link(self, name: str, other: str) -> None:
        """Give a file a second name, which outlives the first. Raises FileNotFoundError."""
        source, target = self.folder / name, self.folder / other
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            target.hardlink_to(source)
        except FileNotFoundError:
            raise
        except OSError:  # a file system that knows no second names
            shutil.copyfile(source, target)

    def move(self, name: str, other: str) -> None:
        """Give a file or folder another name."""
        self.making(other)
        (self.folder / name).rename(self.folder / other)

    def remove(self, name: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        remove_path(self.folder / name)

    def tidy(self) -> None:
        """Remove what this host keeps of files that are not there any more."""


def _keep(path: Path) -> None:
    """Wait until the disk has a file, or what a folder says of its files."""
    file = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError) if path.is_dir() else nullcontext():  # not every file system does that for folders
            os.fsync(file)
    finally:
        os.close(file)


def remove_path(path: Path) -> None:
    """Remove a file or a folder of this host, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
