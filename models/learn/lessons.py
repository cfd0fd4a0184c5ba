"""What there is to learn from, and what each expert makes of any part of it.

The first expert is logistic regression on the decisions. The second, where there is a pool, is what the decisions
tell about the undecided items that are like them (`models.learn.spreading`). Both end as a linear map.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.calibration import fit_scale
from models.learn.fields import joined, widened
from models.learn.heads import Floats, Ids, LinearHead, softmax
from models.learn.names import Names
from models.learn.softmax import fit_shares
from models.learn.spreading import Spreading, Weights

ROUGH: Final = 1e-3
STEPS: Final = 10


@dataclass(frozen=True, slots=True)
class Lesson:
    """Decisions, names, and the graph of the pool where there is one.

    Attributes:
        x: vectors of decided items, shape (n, d).
        truth: columns of their categories, shape (n,).
        prototypes: vectors of the categories' words, shape (k, d).
        classes: the categories' ids, ascending, shape (k,).
        spreading: made of the same items and names; None without a pool.
    """

    x: Floats
    truth: Ids
    prototypes: Floats
    classes: Ids
    spreading: Spreading | None

    def beside(self, decided: Floats, pool: Floats | None) -> "Lesson":
        """The same with columns of fields behind the vectors; names say nothing of them.

        Args:
            decided: of decided items, shape (n, m).
            pool: of the pool that the graph was made of.
        """
        spreading = self.spreading
        if spreading is not None and pool is not None:
            spreading = spreading.beside(np.vstack([decided, pool]))
        x = joined(self.x, decided)
        return Lesson(x, self.truth, widened(self.prototypes, x.shape[1]), self.classes, spreading)

    def teach(self, rows: NDArray[np.bool_], names: Names, *, rough: bool = False) -> list[Weights]:
        """Coefficients and intercepts of each expert, taught with some of the decisions."""
        head = LinearHead(names_weight=1.0 if names is Names.ALL else 0.0, tolerance=ROUGH if rough else ROUGH / 10)
        head.fit(
            self.x[rows],
            self.classes[self.truth[rows]],
            prototypes=None if names is Names.NONE else self.prototypes,
            classes=self.classes,
        )
        experts = [(head.coef_, head.intercept_)]
        if self.spreading is not None:
            spread = self.spreading
            experts.append(spread.linear(spread.teach(rows, self.truth, names)))
        return experts

    def held_out(self, folds: Ids, names: Names) -> tuple[list[Floats], list[list[Weights]]]:
        """Logits (n, k) of each expert for every decided item, from one that did not know its category.

        Returns:
            The logits, and for each fold the experts that did not know it.
        """
        parts: list[list[Floats]] = []
        order, apart = [], []
        for fold in np.unique(folds):
            held = folds == fold
            order.append(np.flatnonzero(held))
            apart.append(self.teach(~held, names, rough=True))
            parts.append([self.x[held] @ coef.T + bias for coef, bias in apart[-1]])
        back = np.argsort(np.concatenate(order))
        return [np.concatenate(one)[back] for one in zip(*parts, strict=True)], apart

    def settle(self, names: Names, experts: list[Weights], weights: Sequence[float], temperature: float) -> Weights:
        """Make one linear map of the experts.

        Where there is a pool, the map is then drawn some steps towards what decisions and neighbours together say
        of its items, which no linear map can say quite.

        Args:
            names: which the experts had heard.
            experts: taught with all decisions.
            weights: of each.
            temperature: what the map's logits will be divided by.
        """
        every = np.ones(len(self.truth), dtype=np.bool_)
        if self.spreading is None:
            experts = self.teach(every, names)  # nothing draws it on: once more, and exactly
        start = summed([coef for coef, _ in experts], weights), summed([bias for _, bias in experts], weights)
        if self.spreading is None:
            return start
        items = self.spreading.items
        near = self.spreading.teach(every, self.truth, names)
        wanted = summed([items @ experts[0][0].T + experts[0][1], near], weights)
        shares = softmax(wanted / np.float32(temperature))
        known = len(self.truth)
        shares[:known] = 0.0
        shares[np.arange(known), self.truth] = 1.0
        scaled = start[0] / np.float32(temperature), start[1] / np.float32(temperature)
        coef, bias = fit_shares(
            items, shares, np.ones(len(items), np.float32), start=scaled, tolerance=ROUGH / 10, rounds=STEPS
        )
        own = fit_scale((items[known:] @ coef.T + bias), shares[known:])
        return coef * np.float32(own * temperature), bias * np.float32(own * temperature)


def summed(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Arrays of one shape, each times its weight, added up."""
    total = np.zeros_like(parts[0])
    for part, weight in zip(parts, weights, strict=True):
        total += np.float32(weight) * part
    return total
