"""What a version says about every item of a pool: small arrays beside the vectors."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.learn.heads import Head
from models.learn.multi import MultiHead
from models.pool.inputs import Inputs
from models.pool.kept import Kept, fixed
from models.pool.replacing import replacing

_MOST_KEPT = 8
"""Files of scores: a million items take 16 MB in each."""


@dataclass(frozen=True)
class Scores:
    """A version's answers over a pool, aligned with its items; arrays of shape (n,).

    Attributes:
        category: id of the likeliest category.
        confidence: its calibrated probability.
        margin: how far it is ahead of the next one.
    """

    category: NDArray[np.int64]
    confidence: NDArray[np.float32]
    margin: NDArray[np.float32]

    def __len__(self) -> int:
        """How many items are scored."""
        return len(self.category)


_KEPT: Kept[Scores] = Kept(_MOST_KEPT)


def score_pool(inputs: Inputs, head: Head, name: str) -> Scores:
    """The answers of a version over the whole pool; only what is new since the last time is computed.

    Args:
        name: tells versions apart (the number, and for version 0 what its categories say).
    """
    pool = inputs.pool
    path = pool.folder / f"scores-{name}.npz"
    have = _KEPT.of(path, lambda: _read(path))
    if len(have) > len(pool):
        have = Scores(have.category[: len(pool)], have.confidence[: len(pool)], have.margin[: len(pool)])
    if len(have) == len(pool):
        return have
    parts = [have, *(_score(block, head) for block in inputs.blocks(len(have)))]
    scores = Scores(
        np.concatenate([part.category for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.margin for part in parts]),
    )
    _write(path, scores)
    return scores


def _score(block: NDArray[np.float32], head: Head) -> Scores:
    probabilities = head.predict_proba(block)
    best = probabilities.argmax(axis=1)
    if isinstance(head, MultiHead):
        sure = head.confidence(probabilities)
        return Scores(head.classes_[best], sure, sure)
    top = np.sort(probabilities, axis=1)[:, -2:]
    return Scores(
        head.classes_[best],
        top[:, -1].astype(np.float32),
        (top[:, -1] - top[:, 0]).astype(np.float32),
    )


def _read(path: Path) -> Scores:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Scores(*(fixed(kept[name]) for name in ("category", "confidence", "margin")))
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):  # it is made anew
        return Scores(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))


def _write(path: Path, scores: Scores) -> None:
    with replacing(path) as file:
        np.savez(file, category=scores.category, confidence=scores.confidence, margin=scores.margin)
