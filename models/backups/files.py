"""The artifacts' files: held fast while they are copied, and put in place of others all at once."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from models.artifacts import Artifacts


class Held:
    """Files of the artifacts that cannot vanish any more: a second name is given to each, in a folder of our own.

    Attributes:
        artifacts: where they are.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self.artifacts = artifacts
        self._folder = f".backup-{secrets.token_hex(4)}"
        self._names: set[str] = set()

    def hold(self) -> None:
        """Hold what is there now, beside what was held before."""
        for name in self.artifacts.files():
            if name in self._names:
                continue
            try:
                self.artifacts.link(name, f"{self._folder}/{name}")
            except FileNotFoundError:  # its job ended just now
                continue
            self._names.add(name)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def each(self) -> Iterator[tuple[str, str]]:
        """Name and second name of each."""
        for name in sorted(self._names):
            yield name, f"{self._folder}/{name}"

    def let_go(self) -> None:
        """Take the second names away."""
        self.artifacts.remove(self._folder)


@contextmanager
def held(artifacts: Artifacts) -> Iterator[Held]:
    """Files that stay until the block ends."""
    made = Held(artifacts)
    try:
        yield made
    finally:
        made.let_go()


class Exchange:
    """New files for the artifacts, prepared beside the old ones.

    Args:
        artifacts: the exchange is by giving what is in it other names, so the folder may be a mount of its own.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        mark = secrets.token_hex(4)
        self._artifacts = artifacts
        self._new, self._old = f".restoring-{mark}", f".replaced-{mark}"
        self._moved: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for now, before in reversed(self._moved):
                self._artifacts.move(now, before)
        self._artifacts.remove(self._new)
        self._artifacts.remove(self._old)

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Prepare a file."""
        self._artifacts.write(f"{self._new}/{name}", pieces)

    def make(self) -> None:
        """Take the old ones away and put the new ones in their place; taken back where the block fails after it."""
        for name in self._artifacts.entries():
            self._move(name, f"{self._old}/{name}")
        for name in self._artifacts.entries(self._new):
            self._move(name, name.removeprefix(f"{self._new}/"))

    def _move(self, name: str, other: str) -> None:
        self._artifacts.move(name, other)
        self._moved.append((other, name))


def is_empty(artifacts: Artifacts) -> bool:
    """Whether there is no file in it."""
    return next(iter(artifacts.files()), None) is None
