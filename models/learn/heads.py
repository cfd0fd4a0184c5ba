"""Heads: what turns vectors into probabilities of categories.

They follow scikit-learn: parameters in `__init__`, data in `fit`, learned things end in `_`. Categories
are their ids, ascending, in `classes_`. Whoever needs probabilities asks for no more than `Head`, so that
a head which also looks at neighbours can stand beside these.
"""

from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.learn.softmax import fit_softmax

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

PROTOTYPE_TEMPERATURE: Final = 0.06
BEHIND: Final = 2.0  # as a logit: what is no rival gets about a tenth of its share


class Head(Protocol):
    """Whatever answers with a probability for each category."""

    @property
    def classes_(self) -> Ids:
        """Category ids in the order of the columns, shape (k,)."""

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to probabilities (n, k); each row sums to 1."""


def softmax(logits: NDArray[np.floating]) -> Floats:
    """Logits (n, k) to probabilities (n, k), safe for large ones."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    probabilities: Floats = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def others_behind(logits: Floats, rivals: int) -> Floats:
    """Logits (n, k), those that are not among the greatest of their row lowered by `BEHIND`.

    Args:
        logits: shape (n, k).
        rivals: how many of a row stay as they are; all of them if 0, or as many as there are.
    """
    if not 0 < rivals < logits.shape[1]:
        return logits
    least = np.partition(logits, -rivals, axis=1)[:, [-rivals]]
    lowered: Floats = np.where(logits >= least, logits, logits - np.float32(BEHIND))
    return lowered


class PrototypeHead:
    """Version 0: a text goes to the category whose name and description are nearest in meaning.

    Args:
        temperature: how far apart two cosines must lie to mean anything; it stands for experience with other
            collections, for this one has no decisions yet.
    """

    def __init__(self, temperature: float = PROTOTYPE_TEMPERATURE) -> None:
        self.temperature = temperature

    def fit(self, x: Floats, y: Ids) -> Self:
        """Take the vectors of the categories' words.

        Args:
            x: shape (k, d), each of length 1.
            y: category ids, shape (k,), each once.

        Returns:
            Itself; `classes_` holds the ids ascending.
        """
        order = np.argsort(y)
        self.classes_: Ids = np.asarray(y, dtype=np.int64)[order]
        self.prototypes_: Floats = np.asarray(x, dtype=np.float32)[order]
        return self

    def decision_function(self, x: Floats) -> Floats:
        """Vectors (n, d) to logits (n, k)."""
        cosine: Floats = np.asarray(x, dtype=np.float32) @ self.prototypes_.T
        return cosine / np.float32(self.temperature)

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to probabilities (n, k); each row sums to 1."""
        return softmax(self.decision_function(x))

    def predict(self, x: Floats) -> Ids:
        """Vectors (n, d) to the ids of the likeliest categories (n,)."""
        ids: Ids = self.classes_[self.decision_function(x).argmax(axis=1)]
        return ids


class LinearHead:
    """A trained version: regularised logistic regression on the vectors, calibrated by a temperature.

    Every category is weighted alike, however many examples it has. Categories' prototypes join as examples of
    low weight; a category without decisions is known by its prototype alone.

    Args:
        strength: inverse of the penalty, scikit-learn's `C`.
        names_weight: of a prototype against a decision; 0 leaves out those of categories that have decisions.
        temperature: what logits are divided by; `training` fits it.
        tolerance: see `fit_softmax`.
        rivals: how many of an item's likeliest categories share its probability out, the others getting little of it;
            0 is all.
    """

    def __init__(
        self,
        strength: float = 10.0,
        names_weight: float = 1.0,
        temperature: float = 1.0,
        tolerance: float = 1e-4,
        rivals: float = 0,
    ) -> None:
        self.strength = strength
        self.names_weight = names_weight
        self.temperature = temperature
        self.tolerance = tolerance
        self.rivals = rivals

    def fit(self, x: Floats, y: Ids, *, prototypes: Floats | None, classes: Ids) -> Self:
        """Learn from decisions.

        Args:
            x: vectors of decided items, shape (n, d); may be empty.
            y: the category id of each, shape (n,).
            prototypes: vectors of the categories' words, shape (k, d); None where they say nothing: then a
                category without decisions is never answered.
            classes: their ids, shape (k,); all that `y` names are among them.

        Returns:
            Itself; `classes_` holds the ids ascending.
        """
        order = np.argsort(classes)
        self.classes_: Ids = np.asarray(classes, dtype=np.int64)[order]
        size = len(self.classes_)
        index = np.searchsorted(self.classes_, y)
        counts = np.bincount(index, minlength=size)
        pseudo = np.where(counts == 0, 1.0, self.names_weight)
        if prototypes is None:
            pseudo = np.zeros(size)
        used = np.flatnonzero(pseudo > 0)
        rows = np.concatenate([index, used])
        weights = np.concatenate([np.ones(len(index)), pseudo[used]])
        weights = weights * (weights.sum() / size / np.maximum(counts + pseudo, 1e-9))[rows]
        vectors = np.asarray(x, dtype=np.float32)
        words = vectors[:0] if prototypes is None else np.asarray(prototypes, dtype=np.float32)[order][used]
        self.coef_, self.intercept_ = fit_softmax(
            np.vstack([vectors.reshape(-1, words.shape[1]), words]),
            rows,
            weights.astype(np.float32),
            size,
            strength=self.strength,
            tolerance=self.tolerance,
        )
        return self

    def decision_function(self, x: Floats) -> Floats:
        """Vectors (n, d) to logits (n, k), before the temperature."""
        logits: Floats = np.asarray(x, dtype=np.float32) @ self.coef_.T + self.intercept_
        return logits

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to calibrated probabilities (n, k); each row sums to 1."""
        return softmax(others_behind(self.decision_function(x), int(self.rivals)) / np.float32(self.temperature))

    def predict(self, x: Floats) -> Ids:
        """Vectors (n, d) to the ids of the likeliest categories (n,)."""
        ids: Ids = self.classes_[self.decision_function(x).argmax(axis=1)]
        return ids
