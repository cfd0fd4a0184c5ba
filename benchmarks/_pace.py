"""How long it takes to choose the next fifty questions, in pools of different sizes; made-up vectors."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.learn.acquisition import STRATEGIES, Candidates
from models.learn.heads import LinearHead
from models.steps.queue import MOST_CANDIDATES

WIDTH, CATEGORIES, DECIDED, COUNT = 384, 77, 1_000, 50
BLOCK = 50_000


def choosing(sizes: tuple[int, ...], seed: int, runs: int = 5) -> Iterator[dict[str, float]]:
    """What the queue does for one refill, from a memory-mapped file of half-precision vectors on."""
    rng = np.random.default_rng([seed, 11])
    centres = rng.standard_normal((CATEGORIES, WIDTH), dtype=np.float32)
    truth = rng.integers(0, CATEGORIES, DECIDED)
    known = _unit(centres[truth] + rng.standard_normal((DECIDED, WIDTH), dtype=np.float32))
    head = LinearHead().fit(known, truth, prototypes=None, classes=np.arange(CATEGORIES))
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder) / f"{size}.f16"
            _make(path, size, centres, rng)
            pool = np.memmap(path, np.float16, "r", shape=(size, WIDTH))
            times = [_once(pool, known, head, rng) for _ in range(runs)]
            yield {"pool": size, "seconds": float(np.median(times)), "slowest": max(times)}
            del pool
            path.unlink()


def _once(pool: NDArray[np.float16], known: NDArray[np.float32], head: LinearHead, rng: np.random.Generator) -> float:
    start = time.perf_counter()
    places = np.arange(len(pool))
    if len(places) > MOST_CANDIDATES:
        places = np.sort(rng.choice(places, MOST_CANDIDATES, replace=False))
    vectors = pool[places].astype(np.float32)
    shares = head.predict_proba(vectors)
    even = np.full((len(known), CATEGORIES), 1 / CATEGORIES, np.float32)
    candidates = Candidates(
        np.concatenate([vectors, known]),
        np.concatenate([shares, even]),
        np.arange(len(vectors) + len(known)) >= len(vectors),
    )
    STRATEGIES["margin_typical"](candidates, COUNT, rng)
    return time.perf_counter() - start


def _make(path: Path, size: int, centres: NDArray[np.float32], rng: np.random.Generator) -> None:
    with path.open("wb") as file:
        for start in range(0, size, BLOCK):
            count = min(BLOCK, size - start)
            near = centres[rng.integers(0, CATEGORIES, count)]
            _unit(near + rng.standard_normal((count, WIDTH), dtype=np.float32)).astype(np.float16).tofile(file)


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)
