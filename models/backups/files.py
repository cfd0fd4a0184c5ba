"""The artifacts' files: held fast while they are copied, and put in place of others all at once."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class Held:
    """Files of the artifacts that cannot vanish any more: a second name is given to each, in a folder of our own.

    Args:
        artifacts: the folder.
    """

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts
        self._folder = artifacts / f".backup-{secrets.token_hex(4)}"
        self._names: set[str] = set()

    def hold(self) -> None:
        """Hold what is there now, beside what was held before."""
        for path in _files(self._artifacts):
            name = path.relative_to(self._artifacts).as_posix()
            if name in self._names:
                continue
            place = self._folder / name
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                _second_name(path, place)
            except FileNotFoundError:  # its job ended just now
                continue
            self._names.add(name)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def each(self) -> Iterator[tuple[str, Path]]:
        """Name and place of each."""
        for name in sorted(self._names):
            yield name, self._folder / name

    def let_go(self) -> None:
        """Take the second names away."""
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def held(artifacts: Path) -> Iterator[Held]:
    """Files that stay until the block ends."""
    made = Held(artifacts)
    try:
        yield made
    finally:
        made.let_go()


class Exchange:
    """New files for the artifacts, prepared beside the old ones.

    Args:
        artifacts: the folder; the exchange is by renaming what is in it, so it may be a mount of its own.
    """

    def __init__(self, artifacts: Path) -> None:
        mark = secrets.token_hex(4)
        self._artifacts = artifacts
        self.new, self._old = artifacts / f".restoring-{mark}", artifacts / f".replaced-{mark}"
        self._moved: list[tuple[Path, Path]] = []

    def __enter__(self) -> Self:
        self.new.mkdir(parents=True, mode=0o700)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for now, before in reversed(self._moved):
                now.rename(before)
        shutil.rmtree(self.new, ignore_errors=True)
        shutil.rmtree(self._old, ignore_errors=True)

    def make(self) -> None:
        """Take the old ones away and put the new ones in their place; taken back where the block fails after it."""
        self._old.mkdir(mode=0o700)
        for source, target in ((self._artifacts, self._old), (self.new, self._artifacts)):
            for path in _shown(source):
                path.rename(target / path.name)
                self._moved.append((target / path.name, path))


def is_empty(artifacts: Path) -> bool:
    """Whether there is no file in it."""
    return next(_files(artifacts), None) is None


def _files(folder: Path) -> Iterator[Path]:
    """Every file, but for those of backups under way."""
    for path in _shown(folder):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file() and not path.is_symlink():
            yield path


def _shown(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []


def _second_name(path: Path, place: Path) -> None:
    try:
        os.link(path, place)
    except FileNotFoundError:
        raise
    except OSError:  # a file system that knows no second names
        shutil.copyfile(path, place)
