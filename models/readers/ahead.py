"""Reading ahead: the next rows are made ready in a thread while the last ones are being stored."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Rows(Iterator[T]):
    """An iterator to which one can give back what one took too much."""

    def __init__(self, rows: Iterable[T]) -> None:
        self._rows = iter(rows)
        self._back: deque[T] = deque()

    def __next__(self) -> T:
        return self._back.popleft() if self._back else next(self._rows)

    def give_back(self, rows: list[T]) -> None:
        """Rows that come again next, in their order."""
        self._back.extendleft(reversed(rows))


class Ahead(Generic[T]):
    """Blocks of rows, one of which is always being made while the caller is busy with the one before.

    Whatever of it was not asked for is given back to the rows when the context ends.

    Args:
        rows: nobody else may take of them meanwhile.
        block: makes the next block of them; an empty one is the end.
    """

    def __init__(self, rows: Rows[T], block: Callable[[Rows[T]], list[T]]) -> None:
        self._rows, self._block = rows, block
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")

    def __enter__(self) -> Self:
        self._next = self._thread.submit(self._block, self._rows)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(wait=True)
        if kind is not None and self._next.exception() is None:
            self._rows.give_back(self._next.result())

    def __iter__(self) -> Iterator[list[T]]:
        while block := self._next.result():
            self._next = self._thread.submit(self._block, self._rows)
            yield block
