"""What to ask next.

A strategy takes candidates and says which of them a person should decide, best first. All stand in
`STRATEGIES`; the conformance suite runs over that list, so a new one is tested by being named there. What a
strategy finds does not depend on the order in which the candidates come.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.clusters import kmeans
from models.vocabulary import Reason

Floats = NDArray[np.float32]

SHORTLIST: Final = 3
WIDE_SHORTLIST: Final = 10
EARLY: Final = 6  # decisions a category, until which what is uncertain is asked where it is typical
TYPICAL_POOL: Final = 4000
TYPICAL_CLUSTERS: Final = 200
LEAST_GROUP: Final = 3
NEIGHBOURS: Final = 20
CATEGORY_CAP: Final = 3
TWIN: Final = 0.98


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items among which a strategy chooses.

    Attributes:
        vectors: shape (n, d), each of length 1.
        probabilities: of the categories, shape (n, k).
        decided: which items have a decision already, shape (n,); they are never asked, but show what is
            known.
    """

    vectors: Floats
    probabilities: Floats
    decided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Picks:
    """What a strategy chose.

    Attributes:
        indices: into the candidates, distinct, best first, shape (m,) with m at most the count asked for.
        scores: how much each is worth asking, 0 .. 1, shape (m,); comparable within one strategy only.
    """

    indices: NDArray[np.int64]
    scores: Floats


Strategy = Callable[[Candidates, int, np.random.Generator], Picks]


def uncertainty(probabilities: Floats) -> Floats:
    """One minus the margin between the two likeliest categories, 0 .. 1, shape (n,).

    Args:
        probabilities: shape (n, k), k at least 2.
    """
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1.0 - (best[:, 1] - best[:, 0]), dtype=np.float32)


def random(candidates: Candidates, count: int, rng: np.random.Generator) -> Picks:
    """Any open item as likely as any other: the yardstick for the rest."""
    open_items = np.flatnonzero(~candidates.decided)
    drawn = rng.permutation(open_items)[:count]
    return Picks(drawn, np.ones(len(drawn), dtype=np.float32))


def margin(candidates: Candidates, count: int, rng: np.random.Generator) -> Picks:
    """The items whose two likeliest categories are closest."""
    ranked, scores = _most_uncertain(candidates, rng)
    return Picks(ranked[:count], scores[ranked[:count]])


def margin_diverse(candidates: Candidates, count: int, rng: np.random.Generator) -> Picks:
    """Of the most uncertain items, one from each group of like ones: its most uncertain.

    The shortlist is three times as long as the answer, and no predicted category fills more than three
    times its fair part of it; else one muddled pair of categories would take all questions. Near-twins of each other
    and of decided items come last: their answers are as good as known.
    """
    shortlist, scores = _shortlist(candidates, SHORTLIST * count, rng)
    if len(shortlist) <= count:
        return Picks(shortlist, scores[shortlist])
    points = np.asarray(candidates.vectors[shortlist], dtype=np.float32)
    groups, _ = kmeans(points, scores[shortlist], count, rng)
    _, first = np.unique(groups, return_index=True)  # the shortlist descends: first is most uncertain
    return _led_by(first, shortlist, scores, count)


def margin_typical(candidates: Candidates, count: int, rng: np.random.Generator) -> Picks:
    """Of the uncertain items, one from each group of like ones: the one in its middle.

    As long as there are few decisions a category, most items are uncertain, and the most uncertain of all are odd
    ones that teach little about others. So the shortlist is ten times as long as the answer, and what stands for
    many is asked.
    """
    shortlist, scores = _shortlist(candidates, WIDE_SHORTLIST * count, rng)
    if len(shortlist) <= count:
        return Picks(shortlist, scores[shortlist])
    points = np.asarray(candidates.vectors[shortlist], dtype=np.float32)
    groups, centres = kmeans(points, scores[shortlist], count, rng)
    central = (points * centres[groups]).sum(axis=1)
    by_group = np.lexsort((-central, groups))
    _, first = np.unique(groups[by_group], return_index=True)
    return _led_by(by_group[first], shortlist, scores, count)


def typical(candidates: Candidates, count: int, rng: np.random.Generator) -> Picks:
    """For the start: from each large group of like items without a decision, the one most like the others.

    Above 4,000 items a random sample of them stands for all.
    """
    if count < 1:
        return Picks(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    order = _canonical_order(candidates.vectors, rng)
    taken = order[candidates.decided[order]][:TYPICAL_CLUSTERS]
    free = order[~candidates.decided[order]]
    if len(free) > TYPICAL_POOL:
        free = free[np.sort(rng.choice(len(free), TYPICAL_POOL, replace=False))]
    if not len(free):
        return Picks(free, np.empty(0, dtype=np.float32))
    members = np.concatenate([free, taken])
    points = np.asarray(candidates.vectors[members], dtype=np.float32)
    # Also where everything is asked the order counts: groups of one, or none, would put like beside like.
    clusters = min(count + len(taken), max(count, TYPICAL_CLUSTERS), max(1, len(members) // LEAST_GROUP))
    groups, _ = kmeans(points, np.ones(len(points), dtype=np.float32), clusters, rng)
    covered = set(groups[len(free) :].tolist())
    own = groups[: len(free)]
    typicality = np.empty(len(free), dtype=np.float32)
    for group in np.unique(own):
        rows = np.flatnonzero(own == group)
        typicality[rows] = _typicality(points[rows])
    return _best_of_each(free, own, typicality, covered, count)


def _best_of_each(
    free: NDArray[np.int64], groups: NDArray[np.int64], value: Floats, covered: set[int], count: int
) -> Picks:
    """Round after round the best item left of every group; uncovered and large groups first."""
    sizes = np.bincount(groups)
    by_value = np.argsort(-value, kind="stable")
    turn = np.empty(len(free), dtype=np.int64)
    met: dict[int, int] = {}
    for row in by_value.tolist():
        group = int(groups[row])
        turn[row] = met[group] = met.get(group, -1) + 1
    is_covered = np.array([int(group) in covered for group in groups])
    # A group that has a decision waits one round longer than those that have none.
    ranked = np.lexsort((-value, groups, -sizes[groups], turn + is_covered))[:count]
    return Picks(free[ranked], np.asarray(np.maximum(value[ranked], 0.0), dtype=np.float32))


def _typicality(points: Floats) -> Floats:
    """Mean likeness to the nearest neighbours, shape (n,); a group of one has none."""
    if len(points) == 1:
        return np.zeros(1, dtype=np.float32)
    likeness = points @ points.T
    np.fill_diagonal(likeness, -1.0)
    nearest = min(NEIGHBOURS, len(points) - 1)
    best = np.partition(likeness, -nearest, axis=1)[:, -nearest:]
    return np.asarray(best.mean(axis=1), dtype=np.float32)


def _shortlist(candidates: Candidates, length: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """The most uncertain items, twins last and no category far beyond its part, and the scores of all candidates."""
    ranked, scores = _most_uncertain(candidates, rng)
    ranked = _twins_last(candidates, ranked, 2 * length)
    return _capped(ranked, candidates.probabilities.argmax(axis=1), length), scores


def _led_by(leaders: NDArray[np.int64], shortlist: NDArray[np.int64], scores: Floats, count: int) -> Picks:
    """These places of a shortlist, filled up from its beginning; the most uncertain first."""
    rest = np.setdiff1d(np.arange(len(shortlist)), leaders)
    chosen = shortlist[np.sort(np.concatenate([leaders, rest[: count - len(leaders)]]))]
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
    return Picks(chosen, scores[chosen])


def _most_uncertain(candidates: Candidates, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
    """Open items, most uncertain first, and the scores of all candidates."""
    scores = uncertainty(candidates.probabilities)
    order = _canonical_order(candidates.vectors, rng)
    order = order[~candidates.decided[order]]
    return order[np.argsort(-scores[order], kind="stable")], scores


def _twins_last(candidates: Candidates, ranked: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """A ranking whose first items are no near-twins of each other or of decided ones; those stand behind."""
    front = ranked[:length]
    points = np.asarray(candidates.vectors[front], dtype=np.float32)
    known = np.asarray(candidates.vectors[candidates.decided], dtype=np.float32)
    twin = np.zeros(len(front), dtype=np.bool_)
    if len(known) and len(front):
        twin = (points @ known.T).max(axis=1) > TWIN
    alike = points @ points.T > TWIN
    for place in range(len(front)):
        if not twin[place]:
            twin[place + 1 :] |= alike[place, place + 1 :]
    return np.concatenate([front[~twin], ranked[length:], front[twin]])


def _canonical_order(vectors: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """An order that depends on the vectors, not on the rows in which they come: along a random direction."""
    direction = rng.standard_normal((vectors.shape[1],), dtype=np.float32)
    return np.argsort(np.asarray(vectors, dtype=np.float32) @ direction, kind="stable")


def _capped(ranked: NDArray[np.int64], predicted: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """The first of a ranking, but of no category more than its cap as long as others have any."""
    if len(ranked) <= length:
        return ranked
    own = predicted[ranked]
    cap = ceil(CATEGORY_CAP * length / len(np.unique(own)))
    by_category = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[by_category], own[by_category], side="left")
    place = np.empty(len(ranked), dtype=np.int64)
    place[by_category] = np.arange(len(ranked)) - starts
    within = place < cap
    first = np.flatnonzero(within)[:length]
    if len(first) < length:
        first = np.sort(np.concatenate([first, np.flatnonzero(~within)[: length - len(first)]]))
    return ranked[first]


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "typical": typical,
    "margin": margin,
    "margin_diverse": margin_diverse,
    "margin_typical": margin_typical,
    "random": random,
}


def suited(decisions: int, categories: int, *, trained: bool, several: bool) -> Strategy:
    """The strategy that suits what is known so far.

    Args:
        decisions: how many there are.
        categories: how many may be answered.
        trained: whether a version has learnt from decisions; before the first, names are all there is.
        several: whether an item may have several categories. Then how common each one is matters from the first
            version on, and what is typical misleads about it.
    """
    if not trained:
        return random if several else typical
    return margin_typical if decisions < EARLY * categories and not several else margin_diverse


def explain(reason: Reason, top: Sequence[tuple[str, float]] = ()) -> str:
    """Why an item is asked, as the sentence on its card.

    Args:
        reason: of the task.
        top: the likeliest categories with their probabilities, best first; may be empty. On audits and
            second looks it is not looked at, for they are blind.
    """
    if reason is Reason.UNCERTAIN and len(top) > 1:
        points = round(100 * (top[0][1] - top[1][1]))
        apart = {0: "level", 1: "1 point apart"}.get(points, f"{points} points apart")
        return f"Asked because {top[0][0]} and {top[1][0]} are {apart}."
    return _SENTENCES[reason]


_SENTENCES: Final = {
    Reason.UNCERTAIN: "Asked because no category is sure.",
    Reason.DIVERSE: "Asked to learn what kinds of items there are.",
    Reason.AUDIT: "Asked at random and without a hint, to measure how good the answers are.",
    Reason.SECOND_LOOK: "Asked a second time and without a hint, to see whether the answer holds.",
    Reason.REQUESTED: "Asked because a program wants a person's answer.",
}
