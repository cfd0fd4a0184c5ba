"""k-means for a few thousand rows; unlike scikit-learn's it takes duplicates as they come."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ROUNDS: Final = 10
SAME_POINT: Final = 1e-9

Floats = NDArray[np.float32]


def kmeans(points: Floats, weights: Floats, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """Group points, heavy ones more tightly.

    Args:
        points: shape (n, d), n at least 1.
        weights: shape (n,), not negative.
        count: most groups; fewer come back where points coincide.
        rng: picks the first centres (k-means++).

    Returns:
        The group of each point (n,) and the centres (groups, d).
    """
    centres = _spread(points, weights, count, rng)
    groups = _nearest_centre(points, centres)
    for _ in range(ROUNDS):
        members = np.zeros((len(centres), len(points)), dtype=np.float32)
        members[groups, np.arange(len(points))] = np.maximum(weights, 1e-6)
        mass = members.sum(axis=1, keepdims=True)
        centres = np.where(mass > 0, (members @ points) / np.maximum(mass, 1e-12), centres)
        moved = _nearest_centre(points, centres)
        if np.array_equal(moved, groups):
            break
        groups = moved
    return groups, centres


def _spread(points: Floats, weights: Floats, count: int, rng: np.random.Generator) -> Floats:
    """First centres: each new one drawn by its weight and its squared distance to those before it."""
    chosen: list[int] = []
    distance = np.ones(len(points))
    while len(chosen) < min(count, len(points)):
        chance = distance * np.maximum(weights, 1e-6)
        total = chance.sum()
        if total <= 0:
            break
        chosen.append(int(rng.choice(len(points), p=chance / total)))
        gap = ((points - points[chosen[-1]]) ** 2).sum(axis=1, dtype=np.float64)
        gap[gap < SAME_POINT] = 0.0
        distance = gap if len(chosen) == 1 else np.minimum(distance, gap)
    return points[chosen]


def _nearest_centre(points: Floats, centres: Floats) -> NDArray[np.int64]:
    likeness = points @ centres.T - 0.5 * (centres**2).sum(axis=1)
    return np.asarray(likeness.argmax(axis=1), dtype=np.int64)
