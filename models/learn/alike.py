"""Groups of items that are like each other and get the same answer: what can be settled with one look."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.heads import Floats, Ids

NEAR: Final = 0.99
"""Alike is what is nearer than this share of all pairs: what that means as a cosine differs from text to text."""

NEARLY_THE_SAME: Final = 0.9
"""A cosine that means alike in any collection of short texts."""

SMALLEST: Final = 3
_SAMPLE: Final = 600
_MOST_SEEDS: Final = 400


@dataclass(frozen=True, slots=True)
class Alike:
    """Items of one answer that are near to the first of them.

    Attributes:
        rows: numbers of the items, the nearest to the first one first, shape (m,).
        likeness: mean cosine to the first one, -1 .. 1.
    """

    rows: NDArray[np.int64]
    likeness: float


def least_likeness(x: Floats, rng: np.random.Generator) -> float:
    """The cosine from which on two items of this collection count as alike.

    Args:
        x: vectors, shape (n, d), each of length 1.
        rng: draws the items whose pairs are looked at.

    Returns:
        1.0 where there are no pairs; never more than what is nearly the same anywhere, for in a collection of near
        copies most pairs would not count as alike.
    """
    if len(x) > _SAMPLE:
        x = x[rng.choice(len(x), _SAMPLE, replace=False)]
    rows, columns = np.triu_indices(len(x), 1)
    return min(NEARLY_THE_SAME, float(np.quantile((x @ x.T)[rows, columns], NEAR))) if len(rows) else 1.0


def alike(x: Floats, category: Ids, confidence: Floats, *, least: float, groups: int, size: int) -> list[Alike]:
    """Group items around the surest ones; no item is in two groups.

    Args:
        x: vectors, shape (n, d), each of length 1.
        category: the likeliest category of each, shape (n,); a group has one.
        confidence: how sure it is, shape (n,).
        least: cosine to the first one that the others must have.
        groups: how many groups at most.
        size: how many items a group has at most.

    Returns:
        What a look settles most of (many items, surely answered) first.
    """
    free = np.ones(len(x), np.bool_)
    by_category = {int(one): np.flatnonzero(category == one) for one in np.unique(category)}
    found: list[tuple[float, Alike]] = []
    for seed in np.argsort(-confidence, kind="stable")[:_MOST_SEEDS].tolist():
        if not free[seed]:
            continue
        rivals = by_category[int(category[seed])]
        rivals = rivals[free[rivals]]
        near = x[rivals] @ x[seed]
        order = np.argsort(-near, kind="stable")[:size]
        order = order[near[order] >= least]
        if len(order) < SMALLEST:
            free[seed] = False
            continue
        rows = rivals[order]
        free[rows] = False
        worth = float(confidence[rows].mean()) * len(rows)
        found.append((worth, Alike(rows.astype(np.int64), float(near[order].mean()))))
    found.sort(key=lambda one: -one[0])
    return [one for _, one in found[:groups]]
