"""What processes and their children cost: seconds on the clock, seconds of the processor, memory at its peak."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Cost:
    """What a piece of work has cost.

    Attributes:
        seconds: on the clock.
        processor_seconds: of all the processes, also of children that have ended meanwhile.
        mib: the most memory that they had together; what they share is counted once.
    """

    seconds: float
    processor_seconds: float
    mib: float


class Meter:
    """Measures what some processes and their descendants spend while the `with` block runs."""

    cost: Cost

    def __init__(self, roots: Sequence[int]) -> None:
        self._roots = roots
        self._peak = 0.0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._spent = processor_seconds(self._roots)
        self._began = time.perf_counter()
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._began
        spent = processor_seconds(self._roots) - self._spent
        self._over.set()
        self._watch.join()
        self.cost = Cost(seconds, spent, self._peak)

    def _look(self) -> None:
        over = False
        while not over:
            self._peak = max(self._peak, mib(self._roots))
            over = self._over.wait(_LOOK_SECONDS)


def processor_seconds(roots: Sequence[int]) -> float:
    """What processes and their descendants have used of the processor, with children that were waited for."""
    spent = 0.0
    for process in _family(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def mib(roots: Sequence[int]) -> float:
    """The memory of processes and their descendants; of what is shared, each has its part."""
    held = 0
    for process in _family(roots):
        with suppress(psutil.NoSuchProcess):
            held += process.memory_full_info().pss
    return held / 2**20


def _family(roots: Sequence[int]) -> Iterator[psutil.Process]:
    """Found in one walk over all processes, which costs some milliseconds."""
    known, children = {}, defaultdict(list)
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            children[process.ppid()].append(process.pid)
            known[process.pid] = process
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        waiting += children[pid]
        if pid in known:
            yield known[pid]
