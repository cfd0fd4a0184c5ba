"""From probabilities to answers: one category, or for heads that give several, a set; and how sure it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.learn.heads import Floats, Head, Ids
from models.learn.multi import Members, MultiHead


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers to n texts over k categories.

    Attributes:
        shares: the categories' probabilities, shape (n, k).
        chosen: which categories are the answer, shape (n, k); one a row unless the head gives several.
        confidence: how likely the whole answer is right, shape (n,).
    """

    shares: Floats
    chosen: Members
    confidence: Floats

    def right(self, truth: Members) -> NDArray[np.bool_]:
        """Which answers are the truth (n, k), no more and no less; shape (n,)."""
        whole: NDArray[np.bool_] = (self.chosen == truth).all(axis=1)
        return whole


def answer(head: Head, shares: Floats, classes: Ids) -> Answered:
    """What a head's probabilities come to.

    Args:
        head: the head that gave them.
        shares: shape (n, k).
        classes: category ids of the columns, shape (k,); some or all of the head's own.
    """
    if isinstance(head, MultiHead):
        part = head.over(classes)
        return Answered(shares, part.choose(shares), part.confidence(shares))
    chosen = np.zeros(shares.shape, np.bool_)
    chosen[np.arange(len(shares)), shares.argmax(axis=1)] = True
    return Answered(shares, chosen, shares.max(axis=1))
