"""What a product has to be able to do to take part, and what it says of itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from benchmarks._peer_rows import Rows


@dataclass(frozen=True)
class Item:
    """What a person is shown.

    Attributes:
        key: of the item; two people who are shown the same have the same.
        text: what is to be judged.
        task: by which an answer names what it answers, where that is not the item.
    """

    key: str
    text: str
    task: str = ""


class Person(Protocol):
    """Somebody with a sign-in and a connection of their own."""

    def ask(self) -> Item | None:
        """The next item; None where there is none."""

    def answer(self, item: Item, label: str) -> None:
        """Say what it is, in as many requests as the product's own page needs."""


class Product(Protocol):
    """One running product.

    Attributes:
        name: for the table.
        version: and of the Python that it runs on.
        settings: how it runs, in words.
        suffix: of the files that it takes.
        pids: the processes whose cost counts, with all that descend from them.
    """

    name: str
    suffix: str
    version: str
    settings: str

    @property
    def pids(self) -> Sequence[int]: ...

    def write(self, rows: Rows, file: Path, *, labelled: bool) -> None:
        """The rows in the format that this product takes, with their labels or without."""

    def create(self, name: str, rows: Rows) -> str:
        """An empty project for such rows."""

    def bring_in(self, project: str, file: Path) -> None:
        """Import a file, and wait until its rows are stored."""

    def settle(self, project: str) -> None:
        """Wait until no work is left to do behind an import."""

    def people(self, project: str, count: int) -> Sequence[Person]:
        """So many people who may label in a project, after whatever it takes until they can be asked."""

    def export(self, project: str) -> int:
        """Fetch everything with its labels; how many labelled rows came."""


@runtime_checkable
class Learner(Product, Protocol):
    """A product that predicts, and learns from labels by itself."""

    every: int

    def teach(self, project: str, rows: Rows, count: int) -> None:
        """Label the first rows in bulk, and wait until predictions from them are there."""

    def relearn(self, project: str, rows: Rows, start: int) -> float:
        """Label `every` more rows from a place on: seconds from the last label to new predictions of all items."""
