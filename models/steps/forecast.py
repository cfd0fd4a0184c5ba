"""What more decisions would bring, and whether to stop: the learning curve of this project's versions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import BundleBroken, NoVersion
from models.learn.answers import answer
from models.learn.automation import automation_threshold
from models.learn.forecast import forecast, share_forecast, too_little
from models.pool.inputs import Inputs
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.examine import examine
from models.steps.projects import settings_of
from models.steps.score import pool_of
from models.store.queries.decisions import Labels, hold_out
from models.store.tables import ProjectRow, VersionRow
from models.vocabulary import VersionStatus

MOST_VERSIONS = 12
"""So many versions, spread over the numbers of decisions, draw the curve."""

_FURTHER = (0.25, 0.5, 1.0, 2.0)
_POOL_SAMPLE = 2_000
_WORTH_IT = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """What to expect at a number of decisions, with a 95 % band; `automation_share` is of the pool."""

    decisions: int
    accuracy: float
    low: float
    high: float
    automation_share: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """Points from the newest version on, empty while too little can be said; `advice` is a sentence or two."""

    points: list[Point]
    advice: str


@dataclass(frozen=True, slots=True)
class _Measured:
    """Versions on the same audits.

    Attributes:
        decisions: that each learnt from, shape (v,), rising.
        correct: which audits each answers rightly, shape (v, n).
        share: of the pool that each could answer alone at the project's target, shape (v,).
    """

    decisions: NDArray[np.int64]
    correct: NDArray[np.bool_]
    share: NDArray[np.float64]


def outlook(runtime: Runtime, session: Session, project: ProjectRow) -> Outlook:
    """Measure versions on the blind audits that none of them learnt from, and carry their curve forward."""
    versions = _versions(session, project)
    audits = hold_out(session, project.id, versions)
    pool = pool_of(runtime, session, project, versions[-1].number) if versions else None
    if pool is not None:
        audits = audits.where(np.isin(audits.item, pool.item_ids))
    audited = len(np.unique(audits.item))
    missing = too_little(np.asarray([row.trained_decisions for row in versions], np.int64), audited)
    if missing is not None or pool is None:
        return Outlook([], f"It is too early for a forecast. {missing or 'There is no item yet.'}")
    measured = _measure(runtime, session, project, versions, pool, audits)
    missing = too_little(measured.decisions, audited)
    if missing is not None:
        return Outlook([], f"It is too early for a forecast. {missing}")
    now = int(measured.decisions[-1])
    further = (max(10 * step, round(now * part, -1)) for step, part in enumerate(_FURTHER, 1))
    at = np.asarray([now, *(now + more for more in further)], np.int64)
    found = forecast(measured.decisions, measured.correct, at)
    shares = share_forecast(measured.correct.mean(axis=1), measured.share, len(measured.share) - 1, found.accuracy)
    points = [
        Point(int(decisions), float(accuracy), float(low), float(high), float(share))
        for decisions, accuracy, low, high, share in zip(at, found.accuracy, found.low, found.high, shares, strict=True)
    ]
    return Outlook(points, _advice(points, settings_of(project).target_accuracy, audited))


def _versions(session: Session, project: ProjectRow) -> list[VersionRow]:
    """Finished versions by rising decisions, one for each number of them, thinned out evenly.

    Only those that were made with the encoder of the newest: with another, the curve would show what that one costs.
    """
    rows = session.scalars(
        select(VersionRow)
        .where(
            VersionRow.project_id == project.id,
            VersionRow.sha256.is_not(None),
            VersionRow.status != VersionStatus.FAILED,
            VersionRow.trained_decisions > 0,
        )
        .order_by(VersionRow.number)
    ).all()
    newest = {row.trained_decisions: row for row in rows if row.encoder_id == rows[-1].encoder_id}
    ordered = [newest[decisions] for decisions in sorted(newest)]
    if len(ordered) <= MOST_VERSIONS:
        return ordered
    kept = np.unique(np.linspace(0, len(ordered) - 1, MOST_VERSIONS).round().astype(int))
    return [ordered[place] for place in kept.tolist()]


def _measure(
    runtime: Runtime, session: Session, project: ProjectRow, versions: list[VersionRow], pool: Pool, audits: Labels
) -> _Measured:
    """Versions whose bundles cannot be used any more are left out."""
    target = settings_of(project).target_accuracy
    there = np.flatnonzero(pool.item_ids > 0)
    rng = np.random.default_rng(project.id)
    sample = there if len(there) <= _POOL_SAMPLE else rng.choice(there, _POOL_SAMPLE, replace=False)
    decisions, correct, share = [], [], []
    for row in versions:
        try:
            served = runtime.heads.get(session, project, row.number)
        except (NoVersion, BundleBroken):
            continue
        head, inputs = served.head, Inputs(pool, session, served.features)
        seen = examine(head, inputs, audits, project.task)
        over_pool = answer(head, head.predict_proba(inputs.rows(sample)), head.classes_).confidence
        decisions.append(row.trained_decisions)
        correct.append(seen.correct)
        share.append(automation_threshold(seen.confidence, seen.correct, over_pool, target).share or 0.0)
    return _Measured(np.asarray(decisions, np.int64), np.asarray(correct, np.bool_), np.asarray(share, np.float64))


def _advice(points: list[Point], target: float, audits: int) -> str:
    """Go on, or stop: what twice the decisions would bring, held against what the audits can tell apart."""
    now = points[0]
    doubled = next((point for point in points if point.decisions >= 1.9 * now.decisions), points[-1])
    more = doubled.decisions - now.decisions
    here = f"Accuracy is {now.accuracy:.1%} ({now.low:.0%} to {now.high:.0%}, {audits} audits)."
    gain = doubled.accuracy - now.accuracy
    if gain < _WORTH_IT:
        return (
            f"{here} {more:,} more decisions would bring about {100 * gain:.1f} points, less than can be told from "
            "chance: further decisions are hardly worth it, unless categories or texts change."
        )
    there = f"{more:,} more decisions should bring it to about {doubled.accuracy:.1%}"
    band = f"{doubled.low:.0%} to {doubled.high:.0%}"
    wide = " The band is wide: more blind audits would narrow it." if doubled.high - doubled.low > 3 * gain else ""
    reached = next((point for point in points if point.accuracy >= target), None)
    if now.accuracy < target and reached is not None:
        return f"{here} {there} ({band}); the target of {target:.0%} is near {reached.decisions:,} decisions.{wide}"
    return f"{here} {there} ({band}).{wide}"
