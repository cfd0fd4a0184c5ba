"""Whether a shift between two samples is more than chance: a permutation test.

If both were drawn from the same source, it would not matter which item belongs to which sample. So the items are
dealt out anew many times, and the shift that was seen is compared with those that chance makes.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.drift import Drift, stability_index
from models.learn.heads import Floats, Ids

LEVEL: Final = 0.01
"""A shift that chance would make less often is more than chance."""

NOTABLE: Final = 0.1
"""A stability index from which a shift is large enough to matter; and a tenth of it for the mean's cosine distance."""

DEALS: Final = 499
BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class ShiftTest:
    """How likely chance alone would make shifts as large as those seen.

    Attributes:
        categories: p-value of the shift of the answered categories.
        meaning: p-value of the shift of the vectors' mean.
    """

    categories: float
    meaning: float

    @property
    def either(self) -> float:
        """The p-value of any shift: the smaller one, corrected for having looked twice."""
        return min(1.0, 2 * min(self.categories, self.meaning))


def shift_test(
    reference_vectors: Floats,
    reference_categories: Ids,
    recent_vectors: Floats,
    recent_categories: Ids,
    *,
    seed: int = 0,
) -> ShiftTest:
    """Test both shifts at once, with the same deals.

    Args:
        reference_vectors: shape (n, d).
        reference_categories: column of the answer for each, shape (n,), not negative.
        recent_vectors: shape (m, d).
        recent_categories: shape (m,), of the same columns.
        seed: of the deals.

    Returns:
        p-values of 1.0 where one of the samples is empty; none is below 1 in 500.
    """
    before, after = len(reference_vectors), len(recent_vectors)
    if min(before, after) == 0:
        return ShiftTest(1.0, 1.0)
    vectors = np.concatenate([reference_vectors, recent_vectors]).astype(np.float32)
    categories = np.concatenate([reference_categories, recent_categories])
    hot = np.zeros((len(vectors), int(categories.max()) + 1), np.float32)
    hot[np.arange(len(vectors)), categories] = 1
    rng = np.random.default_rng(seed)
    recent = np.arange(len(vectors)) >= before
    seen = _shifts(recent[None, :], vectors, hot)
    blocks = [seen]
    for start in range(0, DEALS, BLOCK):
        deals = np.tile(recent, (min(BLOCK, DEALS - start), 1))
        blocks.append(_shifts(rng.permuted(deals, axis=1), vectors, hot))
    # What was seen counts among the deals, so that the test is exact; shifts equal but for rounding count too.
    among = np.concatenate(blocks)
    p_values = (among >= seen * (1 - 1e-5) - 1e-12).mean(axis=0)
    return ShiftTest(float(p_values[0]), float(p_values[1]))


@dataclass(frozen=True, slots=True)
class Judged:
    """Which shifts are more than chance and large enough to matter.

    Attributes:
        mixed: that of the answered categories.
        meant: that of the vectors' mean.
    """

    mixed: bool
    meant: bool

    @property
    def shifted(self) -> bool:
        """Whether one of them is."""
        return self.mixed or self.meant


def judge(shift: Drift, test: ShiftTest) -> Judged:
    """Both tests share the level, since two are made."""
    return Judged(
        test.categories <= LEVEL / 2 and shift.categories >= NOTABLE,
        test.meaning <= LEVEL / 2 and shift.meaning >= NOTABLE / 10,
    )


def _shifts(recent: NDArray[np.bool_], vectors: Floats, hot: Floats) -> NDArray[np.float64]:
    """Of each deal: the stability index of the categories and the squared distance of the means, shape (b, 2)."""
    chosen = recent.astype(np.float32)
    after, before = chosen.sum(axis=1, keepdims=True), (1 - chosen).sum(axis=1, keepdims=True)
    sums = chosen @ vectors
    apart = sums / after - (vectors.sum(axis=0) - sums) / before
    counts = np.rint(chosen @ hot).astype(np.int64)
    rest = np.rint(hot.sum(axis=0)).astype(np.int64) - counts
    mixes = [stability_index(one, other) for one, other in zip(rest, counts, strict=True)]
    return np.stack([np.asarray(mixes), (apart.astype(np.float64) ** 2).sum(axis=1)], axis=1)
