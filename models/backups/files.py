"""The artifacts' files: held fast while they are copied, and put in place of others all at once."""

import secrets
from collections.abc import Callable, Iterable, Iterator
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


_NEW, _OLD = ".coming-", ".going-"
_AWAY = ".away"
"""Among the new files as long as all old ones are away: what is seen then is new."""


class Exchange:
    """New files for the artifacts, prepared beside the old ones.

    What was done can be told from the names alone, so another process can end what this one could not.

    Args:
        artifacts: the exchange is by giving what is in it other names, so the folder may be a mount of its own.
        mark: tells this exchange from others.
    """

    def __init__(self, artifacts: Artifacts, mark: str | None = None) -> None:
        self.mark = mark or secrets.token_hex(4)
        self._artifacts = artifacts
        self._new, self._old = f"{_NEW}{self.mark}", f"{_OLD}{self.mark}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end(kept=kind is None)

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Prepare a file."""
        self._artifacts.write(f"{self._new}/{name}", pieces)

    def make(self) -> None:
        """Take the old ones away and put the new ones in their place; taken back where the block fails after it."""
        for name in self._artifacts.entries():
            self._artifacts.move(name, f"{self._old}/{name}")
        self._artifacts.write(f"{self._new}/{_AWAY}", [b"1"])
        for name in self._artifacts.entries(self._new):
            self._artifacts.move(name, name.removeprefix(f"{self._new}/"))

    def end(self, *, kept: bool) -> None:
        """Forget the old files, or take them back; either may be done again by another process where it broke off."""
        if not kept:
            if self._all_are_away():
                for name in self._artifacts.entries():
                    self._artifacts.remove(name)
                self._artifacts.remove(f"{self._new}/{_AWAY}")
            for name in self._artifacts.entries(self._old):
                self._artifacts.move(name, name.removeprefix(f"{self._old}/"))
        self._artifacts.remove(self._old)  # before the new ones, among which it stands that these are old
        self._artifacts.remove(self._new)

    def _all_are_away(self) -> bool:
        try:
            return bool(self._artifacts.read(f"{self._new}/{_AWAY}"))
        except FileNotFoundError:
            return False


def end_exchanges(artifacts: Artifacts, kept: Callable[[str], bool]) -> list[str]:
    """End the exchanges of processes that were killed. Returns their marks.

    Args:
        kept: whether what belongs to an exchange of that mark was kept, so that the new files are the right ones.
    """
    names = [*artifacts.hidden(_NEW[1:-1]), *artifacts.hidden(_OLD[1:-1])]
    marks = sorted({name.rpartition("-")[2] for name in names})
    for mark in marks:
        Exchange(artifacts, mark).end(kept=kept(mark))
    return marks


def is_empty(artifacts: Artifacts) -> bool:
    """Whether there is no file in it."""
    return next(iter(artifacts.files()), None) is None
