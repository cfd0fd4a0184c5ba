"""The file itself: written piece by piece with the sha256 of each, and read only as far as that holds."""

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Self

from pydantic import ValidationError

from models.backups.manifest import ARTIFACTS, FORMAT, MANIFEST, MANIFEST_SHA256, SECRET_KEY, Manifest, Part
from models.errors import Invalid

_LEVEL = 1
_CHUNK = 1 << 20
_MOST_MANIFEST = 64 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


class Writer:
    """An archive in the making, to be used in a `with` block.

    Args:
        file: an open file to write to.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(*_BROKEN, ValueError):  # what is not whole by now never gets its name
            self._zip.close()

    def add(self, path: str, pieces: Iterable[bytes]) -> tuple[Part, int]:
        """Write a member. Returns what the manifest says of it, and how many pieces it had."""
        size, count, seen = 0, 0, sha256()
        with self._zip.open(path, "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)
                seen.update(piece)
                size, count = size + len(piece), count + 1
        return Part(path=path, bytes=size, sha256=seen.hexdigest()), count

    def close(self, manifest: Manifest) -> str:
        """Write the manifest and end. Returns its sha256, by which the whole archive is known."""
        text = manifest.model_dump_json(indent=1).encode()
        mark = sha256(text).hexdigest()
        self._zip.writestr(MANIFEST, text)
        self._zip.writestr(MANIFEST_SHA256, f"{mark}  {MANIFEST}\n")
        self._zip.close()
        return mark


@contextmanager
def appearing_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file, readable by nobody else, that is there under its name only when it is whole and on the disk."""
    staged = path.with_name(f".{path.name}.part")
    staged.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _give_name(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def _give_name(staged: Path, path: Path) -> None:
    try:
        os.link(staged, path)  # unlike a rename, it never takes the place of another
    except FileExistsError:
        raise
    except OSError:  # a file system that knows no second names
        staged.rename(path)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """A file in chunks."""
    while chunk := file.read(_CHUNK):
        yield chunk


class Reader:
    """An archive that is there.

    Args:
        path: the file.

    Raises:
        Invalid: it is no backup, or damaged; every method raises the same.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise Invalid(f"{path}: there is no such file") from None
        except _BROKEN as error:
            raise self._damaged(f"it cannot be opened ({error})") from error
        try:
            self.mark, self.manifest = self._read_manifest()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read everything once and hold it against the manifest."""
        named = [one.filename for one in self._zip.infolist()]
        parts = self.manifest.parts
        wanted = {*parts, MANIFEST, MANIFEST_SHA256}
        if len(named) != len(set(named)) or len(parts) != len(self.manifest.tables) + len(self.manifest.files):
            raise self._damaged("a part is in it twice")
        if set(named) != wanted:
            odd = min(set(named) ^ wanted)
            raise self._damaged(
                f"{odd} is {'missing' if odd in wanted else 'there, and the manifest does not know it'}"
            )
        for part in self.manifest.files:
            if part.path != SECRET_KEY and not part.path.startswith(f"{ARTIFACTS}/"):
                raise self._damaged(f"{part.path} has no place in it")
            for _ in self.pieces(part):
                pass
        for table in self.manifest.tables:
            if sum(piece.count(b"\n") for piece in self.pieces(table)) != table.rows:
                raise self._damaged(f"{table.path} does not have {table.rows} rows")

    def pieces(self, part: Part) -> Iterator[bytes]:
        """A member in chunks. Ends with Invalid where it is not what the manifest says."""
        size, seen = 0, sha256()
        try:
            with self._zip.open(part.path) as member:
                for piece in pieces_of(member):
                    size += len(piece)
                    if size > part.bytes:
                        break
                    seen.update(piece)
                    yield piece
        except (KeyError, *_BROKEN) as error:
            raise self._damaged(f"{part.path} cannot be read ({error})") from error
        if size != part.bytes or seen.hexdigest() != part.sha256:
            raise self._damaged(f"{part.path} is not what was put into it: its sha256 is another")

    def lines(self, part: Part) -> Iterator[bytes]:
        """A member line by line. Raises as `pieces` does, after the last line."""
        rest = b""
        for piece in self.pieces(part):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
        if rest:
            yield rest

    def _read_manifest(self) -> tuple[str, Manifest]:
        try:
            if self._zip.getinfo(MANIFEST).file_size > _MOST_MANIFEST:
                raise self._damaged("its manifest is too long")
            text, told = self._zip.read(MANIFEST), self._zip.read(MANIFEST_SHA256)
        except KeyError:
            raise Invalid(f"{self.path}: this is no backup of Winnow ({MANIFEST} is missing)") from None
        except _BROKEN as error:
            raise self._damaged(f"its manifest cannot be read ({error})") from error
        mark = sha256(text).hexdigest()
        if told.split(b" ")[0] != mark.encode():
            raise self._damaged("its manifest is not what was put into it")
        try:
            return mark, Manifest.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            if place in {"format", "protocol"}:
                why = f"this is no {FORMAT} that this release can read; restore it with the release that made it"
                raise Invalid(f"{self.path}: {why}") from None
            raise self._damaged(f"its manifest says something odd at {place}: {first['msg']}") from None

    def _damaged(self, why: str) -> Invalid:
        return Invalid(f"{self.path}: the backup is damaged: {why}. Nothing was changed; use another one.")
