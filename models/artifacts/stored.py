"""Files on a store of objects, or another one that all hosts reach."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import IO

from typing_extensions import override

from models.absence import absence
from models.artifacts.folder import Artifacts, Place, remove_path
from models.errors import Unavailable

_BLOCK = 8 * 2**20
_PIECE = 2**20
_PART_SECONDS = 24 * 3600


class _Address:
    """A place on a store."""

    def __init__(self, store: "StoredArtifacts", name: str = "") -> None:
        self._store, self._name = store, name

    def __truediv__(self, name: str) -> "_Address":
        return _Address(self._store, f"{self._name}/{name}".strip("/"))

    def __str__(self) -> str:
        return f"{self._store.address}/{self._name}"

    def read_bytes(self) -> bytes:
        return self._store.read(self._name)


class StoredArtifacts(Artifacts):
    """Files on a store that fsspec knows.

    Attributes:
        address: of the store, such as `s3://bucket/winnow`.

    Args:
        folder: where files of this host are made.
        copies: where this host keeps copies of files while it reads them.
    """

    def __init__(self, folder: Path, address: str, copies: Path) -> None:
        super().__init__(folder)
        self.address, self._copies = address.rstrip("/"), copies
        with self._reaching():
            import fsspec  # noqa: PLC0415  (of an extra)

            # What others have published or removed since is to be seen at once.
            self._system, path = fsspec.url_to_fs(self.address, use_listings_cache=False)
            self._path = path.rstrip("/")

    @property
    @override
    def root(self) -> Place:
        return _Address(self)

    @override
    def publish(self, name: str) -> None:
        made = self.folder / name
        paths = [path for path in made.rglob("*") if path.is_file()] if made.is_dir() else [made]
        with self._reaching():
            for path in paths:
                self._upload(path, path.relative_to(self.folder).as_posix())
        remove_path(made)

    @override
    def fetched(self, name: str) -> Path:
        copy = self._copies / name
        if copy.exists():
            return copy
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = copy.with_name(f".{copy.name}.{token_hex(4)}")
        try:
            with self.open(name) as source, part.open("wb") as file, self._reaching():
                shutil.copyfileobj(source, file, _PIECE)
            part.rename(copy)
        except FileNotFoundError:
            return copy
        finally:
            part.unlink(missing_ok=True)
        return copy

    @override
    def kept(self, name: str) -> Path | tuple[int, Iterator[bytes]]:
        with self._reaching():
            file = self.open(name)
            return file.seek(0, 2), _pieces(file)

    @override
    def open(self, name: str) -> IO[bytes]:
        with self._reaching():
            found: IO[bytes] = self._system.open(self._at(name), "rb", block_size=_BLOCK)
            return found

    @override
    def read(self, name: str) -> bytes:
        with self._reaching():
            return bytes(self._system.cat_file(self._at(name)))

    @override
    def entries(self, under: str = "") -> list[str]:
        begin = f"{under}/" if under else ""
        names = {name[len(begin) :].partition("/")[0] for name in self._all(under)}
        return sorted(f"{begin}{name}" for name in names if not name.startswith("."))

    @override
    def files(self, under: str = "") -> Iterator[str]:
        return (name for name in self._all(under) if not any(part.startswith(".") for part in name.split("/")))

    @override
    def hidden(self, kind: str) -> list[str]:
        tops = {name.partition("/")[0] for name in self._all("")}
        return [*super().hidden(kind), *sorted(top for top in tops if top.startswith(f".{kind}-"))]

    @override
    def changed(self, name: str) -> datetime:
        names = self._all(name) or [name]
        try:
            with self._reaching():
                newest: datetime = max(self._system.modified(self._at(one)) for one in names)
                return newest
        except FileNotFoundError:
            return datetime.now(UTC)

    @override
    def link(self, name: str, other: str) -> None:
        with self._reaching():
            self._system.makedirs(self._at(other).rpartition("/")[0], exist_ok=True)
            self._system.cp_file(self._at(name), self._at(other))

    @override
    def move(self, name: str, other: str) -> None:
        for one in self._all(name) or [name]:
            self.link(one, other + one[len(name) :])
        self._forget(name)

    @override
    def remove(self, name: str) -> None:
        super().remove(name)
        remove_path(self._copies / name)
        self._forget(name)

    @override
    def tidy(self) -> None:
        for path in [path for path in self._copies.rglob("*") if path.is_file()]:
            if path.name.startswith("."):  # on its way; or of a process that was killed
                over = path.stat().st_mtime < time.time() - _PART_SECONDS
            else:
                with self._reaching():
                    over = not self._system.exists(self._at(path.relative_to(self._copies).as_posix()))
            if over:
                path.unlink(missing_ok=True)

    def _upload(self, path: Path, name: str) -> None:
        self._system.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
        self._system.put_file(str(path), self._at(name))

    def _forget(self, name: str) -> None:
        with self._reaching():
            for one in self._all(name) or [name]:
                try:
                    self._system.rm_file(self._at(one))
                except FileNotFoundError:
                    continue

    def _all(self, under: str) -> list[str]:
        """Names of all files under a name, sorted."""
        with self._reaching():
            found = self._system.find(self._at(under))
        return sorted(name[len(self._path) + 1 :] for name in found)

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}".rstrip("/")

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, Unavailable):
            raise
        except Exception as error:  # each store has errors of its own
            if absence(error) is not None:  # the disk of this host
                raise
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise Unavailable(f"the artifacts at {self.address} cannot be reached: {reason}") from error


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    with file:
        while piece := file.read(_PIECE):
            yield piece
