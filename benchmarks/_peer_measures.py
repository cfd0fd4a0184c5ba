"""What is measured, of a product and of Winnow alike."""

import itertools
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks._peer_cost import Meter
from benchmarks._peer_line import Refused
from benchmarks._peer_product import Item, Learner, Person, Product
from benchmarks._peer_rows import Rows

_UNMEASURED = 3  # the first questions open connections and fill caches


def bring_in(product: Product, project: str, file: Path) -> dict[str, float]:
    """What an import costs."""
    with Meter(product.pids) as meter:
        product.bring_in(project, file)
    return {
        "seconds": round(meter.cost.seconds, 2),
        "processor_seconds": round(meter.cost.processor_seconds, 2),
        "peak_mib": round(meter.cost.mib),
    }


def export(product: Product, project: str, rows: int) -> dict[str, float]:
    """What an export of everything costs.

    Raises:
        ValueError: where rows are missing from it.
    """
    with Meter(product.pids) as meter:
        found = product.export(project)
    if found != rows:
        raise ValueError(f"the export of {product.name} has {found} labelled rows of {rows}")
    return {
        "seconds": round(meter.cost.seconds, 2),
        "processor_seconds": round(meter.cost.processor_seconds, 2),
    }


def alone(person: Person, rows: Rows, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each question and of each answer of one person."""
    asked, answered = [], []
    for _ in range(count):
        began = time.perf_counter()
        item = _there(person.ask())
        shown = time.perf_counter()
        person.answer(item, rows.label(item.text))
        asked.append((shown - began) * 1000)
        answered.append((time.perf_counter() - shown) * 1000)
    return asked, answered


def by_turns(people: dict[str, Person], rows: Rows, turns: int, each: int) -> dict[str, dict[str, dict[str, float]]]:
    """Questions and answers of one person in each product, some here and some there, so that all meet the same load."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in people}
    for person in people.values():
        alone(person, rows, _UNMEASURED)
    for _ in range(turns):
        for name, person in people.items():
            asked, told = alone(person, rows, each)
            times[name][0].extend(asked)
            times[name][1].extend(told)
    return {name: {"next_ms": spread(asked), "submit_ms": spread(told)} for name, (asked, told) in times.items()}


class _Worker(threading.Thread):
    """A person who labels as fast as the product lets them."""

    def __init__(self, person: Person, rows: Rows, together: threading.Barrier, seconds: float) -> None:
        super().__init__(daemon=True)
        self._person, self._rows, self._together, self._seconds = person, rows, together, seconds
        self.first: str | None = None
        self.done: list[str] = []
        self.refused = self.empty = 0

    def run(self) -> None:
        """Everybody asks, and only then does anybody answer; from there on nobody waits for another."""
        self._together.wait()
        item = self._ask()
        self.first = item.key if item else None
        self._together.wait()
        until = time.perf_counter() + self._seconds
        while True:
            if item is None:
                self.empty += 1
                time.sleep(0.05)
            else:
                self._answer(item)
            if time.perf_counter() >= until:
                break
            item = self._ask()

    def _ask(self) -> Item | None:
        try:
            return self._person.ask()
        except (Refused, OSError):
            self.refused += 1
            return None

    def _answer(self, item: Item) -> None:
        try:
            self._person.answer(item, self._rows.label(item.text))
        except (Refused, OSError):
            self.refused += 1
        else:
            self.done.append(item.key)


def crowd(people: Sequence[Person], rows: Rows, seconds: float) -> dict[str, Any]:
    """What people get done together, and how often two of them judged the same item."""
    together = threading.Barrier(len(people))
    crew = [_Worker(person, rows, together, seconds) for person in people]
    began = time.perf_counter()
    for worker in crew:
        worker.start()
    for worker in crew:
        worker.join()
    taken = time.perf_counter() - began
    done = list(itertools.chain.from_iterable(worker.done for worker in crew))
    first = [worker.first for worker in crew if worker.first]
    return {
        "labels_per_second": round(len(done) / taken, 2),
        "labels": len(done),
        "items_labelled": len(set(done)),
        "people_asked": len(first),
        "items_shown_first": len(set(first)),
        "refused": sum(worker.refused for worker in crew),
        "without_a_question": sum(worker.empty for worker in crew),
    }


def crowds(people: dict[str, Sequence[Person]], rows: Rows, turns: int, seconds: float) -> dict[str, dict[str, Any]]:
    """People at once, in one product after the other, several times."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in people}
    for _ in range(turns):
        for name, crew in people.items():
            found[name].append(crowd(crew, rows, seconds))
    return {name: _together(each) for name, each in found.items()}


def _together(turns: list[dict[str, Any]]) -> dict[str, Any]:
    summed = {key: sum(turn[key] for turn in turns) for key in turns[0]}
    return summed | {"labels_per_second": round(statistics.mean(turn["labels_per_second"] for turn in turns), 2)}


def relearnt(
    learners: Sequence[Learner], projects: dict[str, str], rows: Rows, taught: int, turns: int
) -> list[dict[str, Any]]:
    """Seconds from the last label to new predictions of all items, by turns, each time by labels that are new."""
    times: list[list[float]] = [[] for _ in learners]
    for turn in range(turns):
        for learner, taken in zip(learners, times, strict=True):
            taken.append(learner.relearn(projects[learner.name], rows, taught + turn * learner.every))
    return [
        {"seconds": round(statistics.median(taken), 2), "each": [round(one, 2) for one in taken]} for taken in times
    ]


def spread(times: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"p50": round(statistics.median(ordered), 1), "p95": round(p95, 1), "count": len(ordered)}


def _there(item: Item | None) -> Item:
    if item is None:
        raise ValueError("nothing is left to be asked")
    return item


def looks(seconds: float, patience: float) -> Iterator[None]:
    """Again and again, until somebody stops looking or it takes too long."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        yield
        time.sleep(seconds)
    raise TimeoutError(f"it is not done after {patience:g} s")
