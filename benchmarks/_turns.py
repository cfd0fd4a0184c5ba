"""What measurements by turns have in common: how much is measured, texts that come once, rates and spreads."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice

Rows = list[tuple[str, str]]
BATCH = 32


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    decided: int
    turns: int
    singles: int
    seconds: float
    learn: int
    test: int


FULL = Size(decided=500, turns=5, singles=60, seconds=10, learn=1000, test=1000)
QUICK = Size(decided=200, turns=2, singles=15, seconds=3, learn=100, test=100)


def fresh(rows: Rows) -> Iterator[str]:
    """Texts without end, none of them twice."""
    return (f"{text} {number}" for number, (text, _) in enumerate(cycle(rows)))


def batches(own: Callable[[list[str]], object], texts: Iterator[str], seconds: float) -> float:
    """Texts a second in batches of 32."""
    done, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        own(list(islice(texts, BATCH)))
        done += BATCH
    return done / taken


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 2),
    }
