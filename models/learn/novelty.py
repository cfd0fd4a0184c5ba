"""Items that fit nothing known, and what they have in common."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from models.learn.heads import Floats, Ids

USUAL: Final = 0.05
FEWEST_DECIDED: Final = 20
MOST_GROUPED: Final = 1_500
BLOCK: Final = 1_024
NAME_WORDS: Final = 3

_WORD: Final = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are like each other and like nothing that is known.

    Attributes:
        rows: numbers of the items, the most typical first, shape (m,).
        likeness: mean cosine to the group's middle, -1 .. 1.
    """

    rows: NDArray[np.int64]
    likeness: float


def familiarity(x: Floats, decided: Floats, prototypes: Floats, *, themselves: bool = False) -> Floats:
    """How near each item is to what is known: cosine to the nearest decided item or category, shape (n,).

    Args:
        x: vectors, shape (n, d), each of length 1.
        decided: vectors of decided items, shape (m, d).
        prototypes: vectors of the categories' words, shape (k, d).
        themselves: whether `x` are the decided items; none is then its own neighbour.
    """
    known = np.full(len(x), -1.0, np.float32)
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        likeness = np.concatenate([block @ decided.T, block @ prototypes.T], axis=1)
        if themselves:
            rows = np.arange(len(block))
            likeness[rows, start + rows] = -1.0
        if likeness.shape[1]:
            known[start : start + BLOCK] = likeness.max(axis=1)
    return known


def unfamiliar(x: Floats, decided: Floats, prototypes: Floats) -> NDArray[np.bool_]:
    """Which items are farther from all that is known than all but 5 % of decided items are from the others.

    Args:
        x: vectors of undecided items, shape (n, d).
        decided: vectors of decided items, shape (m, d).
        prototypes: vectors of the categories' words, shape (k, d).

    Returns:
        Shape (n,); none while fewer than 20 items are decided, for then everything is far from them.
    """
    if len(decided) < FEWEST_DECIDED:
        return np.zeros(len(x), np.bool_)
    limit = np.quantile(familiarity(decided, decided, prototypes, themselves=True), USUAL)
    far: NDArray[np.bool_] = familiarity(x, decided, prototypes) < limit
    return far


def cohesion(x: Floats, category: Ids) -> float:
    """Mean cosine of two items of the same category: what may be called alike in this collection.

    Args:
        x: vectors of decided items, shape (n, d), each of length 1.
        category: of each, shape (n,).

    Returns:
        0.5 where no category has two items.
    """
    total = pairs = 0.0
    for one in np.unique(category):
        rows = x[category == one].astype(np.float64)
        total += float((rows.sum(axis=0) ** 2).sum()) - float((rows**2).sum())
        pairs += len(rows) * (len(rows) - 1)
    return total / pairs if pairs else 0.5


def groups(x: Floats, likeness: float, *, smallest: int = 3) -> list[Group]:
    """Group items that are as alike as items of one category are (average linkage), the largest group first.

    Args:
        x: vectors, shape (n, d), each of length 1; of more than 1,500 the first are taken.
        likeness: least mean cosine between two groups that become one.
        smallest: fewer items are no group.
    """
    x = np.asarray(x[:MOST_GROUPED], np.float32)
    if len(x) < max(smallest, 2):
        return []
    rows, columns = np.triu_indices(len(x), 1)
    apart = np.maximum(1 - (x @ x.T)[rows, columns].astype(np.float64), 0.0)
    member = fcluster(linkage(apart, "average"), 1 - likeness, "distance")
    found = []
    for one in np.unique(member):
        inside = np.flatnonzero(member == one)
        if len(inside) >= smallest:
            middle = x[inside].mean(axis=0)
            near = x[inside] @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
            found.append(Group(inside[np.argsort(-near, kind="stable")], float(near.mean())))
    return sorted(found, key=lambda group: (-len(group.rows), int(group.rows[0])))


def typical_words(inside: Sequence[str], outside: Sequence[str], count: int = NAME_WORDS) -> list[str]:
    """The words that tell these texts from the others, most telling first.

    Args:
        inside: texts of a group.
        outside: texts of the rest.
        count: most words.

    Returns:
        Words that at least two of the texts have, if the group has two.
    """
    within, without = Counter(chain(*map(_words, inside))), Counter(chain(*map(_words, outside)))
    least = min(2, len(inside))

    def telling(word: str) -> float:
        here = within[word] / len(inside)
        return here * log(here / ((without[word] + 0.5) / (len(outside) + 1)))

    able = [word for word, texts in within.items() if texts >= least and telling(word) > 0]
    # Of words that tell equally much the longer one: short ones are mostly grammar.
    return sorted(able, key=lambda word: (-telling(word), -len(word), word))[:count]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
