"""Whether what comes in now still looks like what was learned from."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 10
SMOOTHING: Final = 0.5


@dataclass(frozen=True, slots=True)
class Drift:
    """Shift between a reference and a recent sample.

    Attributes:
        categories: population stability index of the answered categories; by custom below 0.1 is calm and
            above 0.25 is a shift worth a look.
        confidence: the same for the confidence of the answers.
        meaning: cosine distance between the mean vectors, 0 .. 2.
        reference: items in the reference.
        recent: items in the recent sample.
    """

    categories: float
    confidence: float
    meaning: float
    reference: int
    recent: int


def stability_index(reference: NDArray[np.integer], recent: NDArray[np.integer]) -> float:
    """The population stability index of two histograms over the same bins.

    Args:
        reference: counts, shape (b,).
        recent: counts, shape (b,).

    Returns:
        0.0 where they agree, or where one of them is empty; grows with the shift. Half a count is added to
        every bin, so that an empty one does not make it infinite.
    """
    if reference.sum() == 0 or recent.sum() == 0:
        return 0.0
    before = (reference + SMOOTHING) / (reference + SMOOTHING).sum()
    after = (recent + SMOOTHING) / (recent + SMOOTHING).sum()
    return float(((after - before) * np.log(after / before)).sum())


def drift(
    reference_vectors: NDArray[np.floating],
    reference_probabilities: NDArray[np.floating],
    recent_vectors: NDArray[np.floating],
    recent_probabilities: NDArray[np.floating],
) -> Drift:
    """Compare two samples as the same head sees them.

    Args:
        reference_vectors: shape (n, d).
        reference_probabilities: shape (n, k).
        recent_vectors: shape (m, d).
        recent_probabilities: shape (m, k), the same columns.
    """
    categories = reference_probabilities.shape[1]
    sizes = len(reference_vectors), len(recent_vectors)
    if min(sizes) == 0:
        return Drift(0.0, 0.0, 0.0, *sizes)
    return Drift(
        categories=stability_index(
            np.bincount(reference_probabilities.argmax(axis=1), minlength=categories),
            np.bincount(recent_probabilities.argmax(axis=1), minlength=categories),
        ),
        confidence=confidence_shift(reference_probabilities.max(axis=1), recent_probabilities.max(axis=1)),
        meaning=_distance(
            reference_vectors.mean(axis=0, dtype=np.float64), recent_vectors.mean(axis=0, dtype=np.float64)
        ),
        reference=sizes[0],
        recent=sizes[1],
    )


def confidence_shift(reference: NDArray[np.floating], recent: NDArray[np.floating]) -> float:
    """The population stability index of two samples of confidences, shapes (n,) and (m,), in tenths of the first."""
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    return stability_index(
        np.bincount(np.searchsorted(edges, reference), minlength=len(edges) + 1),
        np.bincount(np.searchsorted(edges, recent), minlength=len(edges) + 1),
    )


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Cosine distance, 0.0 where a mean has no direction."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return max(0.0, 1.0 - float(one @ other) / length) if length else 0.0
