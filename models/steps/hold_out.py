"""The serving version on blind audits that it has not learnt from: its accuracy, and what may go without a person."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.learn.assisted import assisted, plain
from models.learn.automation import Automation, automation_threshold, by_category
from models.pool.inputs import Inputs
from models.runtime import Runtime
from models.steps.examine import examine
from models.steps.projects import settings_of
from models.steps.reserve import is_reserved
from models.steps.score import scored
from models.steps.unanswered import Unanswered
from models.store.queries.decisions import held_out_of, hold_out, labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import ProjectRow, VersionRow
from models.vocabulary import TaskKind

ASKED_OTHERWISE = 0.01
"""Where more of the reserve than this was learnt from without an audit, what is left of it is no uniform sample."""

_Numbers = NDArray[np.floating]
_Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """What the serving version says of audited items, and of all.

    Attributes:
        answered: category of each answer to an audited item, shape (n,).
        confidence: in it, shape (n,).
        correct: whether it is right, shape (n,).
        pool_answered: category of each answer over the pool, shape (m,).
        pool_confidence: in it, shape (m,).
        sampled: which of these the audits are a uniform sample of, shape (m,); None where that cannot be said.
        newer: share of the pool that came after the newest audited item: of that, no audit knows anything.
    """

    answered: _Ids
    confidence: _Numbers
    correct: NDArray[np.bool_]
    pool_answered: _Ids
    pool_confidence: _Numbers
    sampled: NDArray[np.bool_] | None
    newer: float


@dataclass(frozen=True, slots=True)
class Allowed:
    """What could go without a person at a target.

    Attributes:
        whole: by one threshold for all answers.
        by_category: by one for each category, in the order of the categories; empty where items have several.
    """

    target: float
    whole: Automation
    by_category: list[tuple[str, Automation]]


_NOTHING = HoldOut(
    np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_), np.empty(0, np.int64), np.empty(0, np.float32), None, 0.0
)


def accuracy_now(runtime: Runtime, session: Session, project: ProjectRow) -> dict[str, Any] | None:
    """The serving version on every blind audit that it was not trained on; None before the first."""
    found = look(runtime, session, project)
    if not len(found.correct):
        return None
    if found.sampled is None:
        measured = plain(found.correct)
    else:
        measured = assisted(found.confidence, found.correct, found.pool_confidence[found.sampled])
    serving = _serving(session, project)
    beside = Unanswered.since(session, project.id, 0 if serving is None else serving.audit_high_water)
    accuracy, low = measured.accuracy, measured.low
    if beside.passed_over:
        accuracy, low = beside.at_worst(int(found.correct.sum()), len(found.correct))
    return asdict(measured) | {
        "model_version": project.serving_number,
        "unanswered": asdict(beside),
        "at_worst": {"accuracy": accuracy, "low": low},
        "newer_items": found.newer,
    }


def automation(runtime: Runtime, session: Session, project: ProjectRow, target: float | None = None) -> Allowed:
    """What could go without a person if the target were `target`: the serving version on its own hold-out."""
    wanted = settings_of(project).target_accuracy if target is None else target
    found = look(runtime, session, project)
    whole = automation_threshold(found.confidence, found.correct, found.pool_confidence, wanted)
    if project.task is TaskKind.MULTI:
        return Allowed(wanted, whole, [])
    names = {row.id: row.name for row in categories_of(session, project.id, archived=False)}
    apart = by_category(
        (found.answered, found.confidence, found.correct),
        (found.pool_answered, found.pool_confidence),
        list(names),
        wanted,
    )
    return Allowed(wanted, whole, [(names[one], allowed) for one, allowed in apart.items()])


def look(runtime: Runtime, session: Session, project: ProjectRow) -> HoldOut:
    """Ask the serving version about its hold-out; nothing where it cannot answer or there is no item."""
    serving = _serving(session, project)
    audits = hold_out(session, project.id, [] if serving is None else [serving])
    try:
        found = scored(runtime, session, project)
        served = runtime.heads.get(session, project) if found else None
    except Conflict:
        return _NOTHING
    if found is None or served is None:
        return _NOTHING
    pool, scores = found
    there = pool.item_ids > 0
    audited = audits.item[np.isin(audits.item, pool.item_ids)]
    seen = examine(served.head, Inputs(pool, session, served.features), audits, project.task)
    return HoldOut(
        seen.answered,
        seen.confidence.astype(np.float64),
        seen.correct,
        scores.category[there],
        scores.confidence[there],
        _sampled(session, project, serving, pool.item_ids[there]) if len(seen.correct) else None,
        float((pool.item_ids[there] > audited.max()).mean()) if len(audited) else 0.0,
    )


def _serving(session: Session, project: ProjectRow) -> VersionRow | None:
    return session.scalar(
        select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == project.serving_number)
    )


def _sampled(
    session: Session, project: ProjectRow, serving: VersionRow | None, item_ids: _Ids
) -> NDArray[np.bool_] | None:
    """Which items the audits are a uniform sample of: those of the reserve that the version has not learnt from."""
    reserved = is_reserved(project.salt, item_ids, settings_of(project).audit_rate)
    if serving is None:
        return reserved
    labels = labels_as_of(session, project.id, serving.decision_high_water)
    learnt = ~held_out_of(serving, labels)
    otherwise = np.isin(item_ids, labels.item[~labels.audit]) & reserved
    if otherwise.sum() > ASKED_OTHERWISE * max(int(reserved.sum()), 1):
        return None
    sampled: NDArray[np.bool_] = reserved & ~np.isin(item_ids, labels.item[learnt])
    return sampled
