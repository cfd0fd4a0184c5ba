"""Heads that knew two categories which are one by now: what they give to the one counts for the other."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.learn.heads import Floats, Head, Ids
from models.learn.multi import MultiHead


class FoldedHead:
    """A head of one category an item, over fewer categories than it was trained on.

    Args:
        inner: the trained head.
        merged: what merged categories count for, by id.
    """

    def __init__(self, inner: Head, merged: Mapping[int, int]) -> None:
        self._inner = inner
        self.classes_, self._into = _folding(inner.classes_, merged)

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to probabilities (n, k): an item is in a merged category where it is in either."""
        shares = np.zeros((len(x), len(self.classes_)), np.float32)
        for column, one in zip(self._into.tolist(), self._inner.predict_proba(x).T, strict=True):
            shares[:, column] += one
        return shares


class FoldedMultiHead(MultiHead):
    """The same for several categories an item, where probabilities do not add up.

    Args:
        inner: the trained head.
        merged: what merged categories count for, by id.
    """

    def __init__(self, inner: MultiHead, merged: Mapping[int, int]) -> None:
        super().__init__(inner.strength, inner.slope, inner.offset)
        self._inner = inner
        self.classes_, self._into = _folding(inner.classes_, merged)
        self.thresholds_ = np.ones(len(self.classes_), np.float32)
        np.minimum.at(self.thresholds_, self._into, inner.thresholds_)
        self.thresholds_ = self.thresholds_.astype(np.float32)

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to each category's probability (n, k).

        Of several that became one, the surest counts, each measured by its own threshold.
        """
        shares = np.zeros((len(x), len(self.classes_)), np.float32)
        inner = self._inner.predict_proba(x)
        for place, column in enumerate(self._into.tolist()):
            scale = self.thresholds_[column] / self._inner.thresholds_[place]
            np.maximum(shares[:, column], inner[:, place] * scale, out=shares[:, column])
        return shares

    def over(self, classes: Ids) -> MultiHead:
        """The same head over some of its categories."""
        part = MultiHead(self.strength, self.slope, self.offset)
        part.classes_ = np.asarray(classes, np.int64)
        part.thresholds_ = self.thresholds_[np.searchsorted(self.classes_, classes)]
        return part


def fold(head: Head, merged: Mapping[int, int]) -> Head:
    """A head as it is to be heard now; itself where it knows none of the merged categories."""
    if not any(one in merged for one in head.classes_.tolist()):
        return head
    return FoldedMultiHead(head, merged) if isinstance(head, MultiHead) else FoldedHead(head, merged)


def _folding(classes: Ids, merged: Mapping[int, int]) -> tuple[Ids, NDArray[np.intp]]:
    """The categories that are left, ascending, and for each of the old ones its column among them."""
    left, into = np.unique([merged.get(one, one) for one in classes.tolist()], return_inverse=True)
    return left.astype(np.int64), into
