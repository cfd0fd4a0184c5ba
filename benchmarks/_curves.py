"""From simulated projects to the figures of each collection."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from benchmarks._simulation import Arm, Curve
from benchmarks._strategies import PEERS
from models.learn.calibration import calibration_error, reliability

WINNOW: Final = Arm("winnow", whole=True)
RANDOM: Final = Arm("random", whole=False)
RANDOM_WHOLE: Final = Arm("random", whole=True)
MISLED: Final = Arm("winnow", whole=True, misleading=True)
ERRING: Final = 0.05
WINNOW_ERR: Final = Arm("winnow", whole=True, error=ERRING)
RANDOM_ERR: Final = Arm("random", whole=False, error=ERRING)

PARTS: Final = (0.8, 0.9, 0.95)
AT: Final = (0, 100, 300, 500, 1000)
FEWEST, LAST = 20, 1_000
"""Where comparisons begin and end."""

PAIRS: Final = (
    ("winnow", "random"),
    ("winnow", "random_whole"),
    ("winnow", "peer"),
    ("winnow", "peer_whole"),
    ("misled", "random"),
    ("winnow_err", "random_err"),
)


def needed(curve: Curve, wanted: float) -> float:
    """Decisions after which the accuracy is first there, read off between two stops; the last stop if never."""
    before = (0, 0.0)
    for decisions, accuracy in zip(curve.decisions, curve.accuracy, strict=True):
        if accuracy >= wanted:
            rise = accuracy - before[1]
            return before[0] + (decisions - before[0]) * ((wanted - before[1]) / rise if rise else 1.0)
        before = (decisions, accuracy)
    return float(before[0])


def best_peer(curves: Sequence[Curve], peers: Iterable[str], full: float) -> str:
    """The strategy that needs fewest decisions for 90 % of the full accuracy; found afterwards, to its advantage."""
    return min(peers, key=lambda name: _needed(_of(curves, Arm(name, whole=False)), 0.9 * full))


def figures(curves: Sequence[Curve], full: float, peer: str) -> dict[str, Any]:
    """What the JSON has of a collection.

    Args:
        curves: of this collection.
        full: accuracy with the labels of the whole pool.
        peer: the best of scikit-activeml's strategies.
    """
    found = {name: own for name, arm in _arms(peer).items() if (own := _of(curves, arm))}
    mine = found["winnow"]
    return {
        **{
            f"labels_to_{round(100 * part)}": {name: _needed(own, part * full)[0] for name, own in found.items()}
            for part in PARTS
        },
        "labels_to_90_spread": {name: _needed(own, 0.9 * full)[1] for name, own in found.items()},
        "accuracy_at": {str(stop): _at(mine, stop) for stop in AT},
        "random_at": {str(stop): _at(found["random"], stop) for stop in AT},
        "calibration_error": _confidence(mine)[0],
        "calibration_errors": {
            name: _confidence(own)[0] for name, own in found.items() if own[0].arm.order == "winnow"
        },
        "reliability": _confidence(mine)[1],
        "full_accuracy": full,
        "peer": peer,
        "peers": {name: _needed(own, 0.9 * full)[0] for name in PEERS if (own := _of(curves, Arm(name, whole=False)))},
        "ahead": {
            f"{one} of {other}": _ahead(found[one], found[other])
            for one, other in PAIRS
            if one in found and other in found
        },
        "curves": {name: _mean_curve(own) for name, own in found.items()},
    }


def _arms(peer: str) -> dict[str, Arm]:
    return {
        "winnow": WINNOW,
        "random": RANDOM,
        "peer": Arm(peer, whole=False),
        "random_whole": RANDOM_WHOLE,
        "peer_whole": Arm(peer, whole=True),
        "misled": MISLED,
        "winnow_err": WINNOW_ERR,
        "random_err": RANDOM_ERR,
    }


def _of(curves: Sequence[Curve], arm: Arm) -> list[Curve]:
    return [curve for curve in curves if curve.arm == arm]


def _needed(curves: Sequence[Curve], wanted: float) -> tuple[float, float]:
    """Mean over the seeds, and their standard deviation."""
    each = [needed(curve, wanted) for curve in curves]
    return float(np.mean(each)), float(np.std(each, ddof=1)) if len(each) > 1 else 0.0


def _at(curves: Sequence[Curve], stop: int) -> float:
    """The mean accuracy after so many decisions, read off between stops; of a smaller pool, with all of it decided."""
    return float(np.mean([np.interp(stop, curve.decisions, curve.accuracy) for curve in curves]))


def _confidence(curves: Sequence[Curve]) -> tuple[float | None, list[dict[str, float]]]:
    """The calibration error (mean over the seeds) and the reliability picture (of all seeds together)."""
    told = [(one.confidence, one.correct) for one in curves if one.confidence is not None and one.correct is not None]
    if not told:
        return None, []
    errors = [calibration_error(sure, right) for sure, right in told]
    bins = reliability(np.concatenate([sure for sure, _ in told]), np.concatenate([right for _, right in told]))
    return float(np.mean(errors)), [asdict(one) for one in bins]


def _ahead(one: Sequence[Curve], other: Sequence[Curve]) -> dict[str, float]:
    """Points of accuracy between two, seed by seed: where it is least, its standard error there, and the mean."""
    stops = [stop for stop in one[0].decisions if FEWEST <= stop <= LAST]
    stops = [stop for stop in stops if all(stop in curve.decisions for curve in (*one, *other))]
    pairs = [(mine, theirs) for mine in one for theirs in other if mine.seed == theirs.seed]
    if not stops or not pairs:
        return {}
    gaps = np.array([[_on(mine, stop) - _on(theirs, stop) for stop in stops] for mine, theirs in pairs])
    mean = gaps.mean(axis=0)
    worst = int(mean.argmin())
    error = float(gaps[:, worst].std(ddof=1) / np.sqrt(len(pairs))) if len(pairs) > 1 else 0.0
    return {"least": float(mean[worst]), "at": stops[worst], "standard_error": error, "mean": float(mean.mean())}


def _on(curve: Curve, stop: int) -> float:
    return curve.accuracy[curve.decisions.index(stop)]


def _mean_curve(curves: Sequence[Curve]) -> dict[str, list[float]]:
    stops = [stop for stop in curves[0].decisions if all(stop in curve.decisions for curve in curves)]
    places = [[curve.decisions.index(stop) for stop in stops] for curve in curves]

    def mean(figure: str) -> list[float]:
        rows = [[getattr(curve, figure)[place] for place in own] for curve, own in zip(curves, places, strict=True)]
        return [round(float(value), 4) for value in np.mean(rows, axis=0)]

    names = ("accuracy", "macro_f1", "calibration_error", "training_seconds", "asking_seconds")
    return {"decisions": [float(stop) for stop in stops], **{name: mean(name) for name in names}}


def overall(sets: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Geometric means over the collections of the decisions to 90 % against others'; a count of 0 counts as 1."""
    others = sorted({name for one in sets.values() for name in one["labels_to_90"]} - {"winnow"})
    return {
        f"of_{other}": float(np.exp(np.mean(np.log([max(one[mine], 1.0) / max(one[other], 1.0) for one in told]))))
        for other in others
        for mine in ["winnow"]
        if (told := [one["labels_to_90"] for one in sets.values() if other in one["labels_to_90"]])
    }
