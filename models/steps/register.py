"""Step 7: who serves. Only an alias moves, and each move is remembered; so each can be taken back."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Conflict, Missing, NoVersion
from models.learn.audit import is_worse, mcnemar
from models.learn.evaluation import Evaluation
from models.pool.inputs import Inputs
from models.runtime import Runtime
from models.steps.accounts import SYSTEM, Caller, record
from models.steps.examine import examine
from models.steps.projects import settings_of
from models.steps.score import pool_of, scored
from models.steps.webhooks import publish
from models.store.queries.decisions import hold_out, labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import ItemRow, ProjectRow, PromotionRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import Event, Job, Promotion, VersionStatus
from models.work import Work

_FLIPS_SHOWN = 100


@dataclass(frozen=True)
class Flip:
    """An item whose answer differs between two versions; `truth` where an audit tells."""

    item_id: int
    text: str
    a: str
    b: str
    truth: str | None


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same blind audits, which neither was trained on.

    Attributes:
        metrics_a, metrics_b: None while no audit is held out for both.
        only_a, only_b: audits that only the one, only the other answers rightly.
        p_value: exact two-sided McNemar test of those two counts.
        b_is_worse: whether the one-sided test at 5 % says so.
        changed: items of the whole pool whose answer differs; `flips` are some of them, audits first.
    """

    a: int
    b: int
    audits: int
    metrics_a: Evaluation | None
    metrics_b: Evaluation | None
    only_a: int
    only_b: int
    p_value: float
    b_is_worse: bool
    changed: int
    pool: int
    flips: list[Flip]


def run_register(work: Work) -> None:
    """Compare a candidate with the serving version; let it serve unless it is worse or people are to decide."""
    runtime, number = work.runtime, int(work.claim.payload["number"])
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, work.project_id)
        version = find_version(session, project, number)
        serving = project.serving_number
        comparison = compare(runtime, session, project, serving, number) if serving != number else None
    summary = _summary(comparison) if comparison is not None else "It serves."
    automatic = settings_of(project).promotion is Promotion.AUTOMATIC
    promoted = automatic and not (comparison is not None and comparison.b_is_worse)
    with work.completing({"version": number, "promoted": promoted, "summary": summary}) as session:
        project = session.get_one(ProjectRow, work.project_id, with_for_update=True)
        version = session.get_one(VersionRow, version.id)
        if version.status is not VersionStatus.CANDIDATE:
            return
        version.summary = summary
        if project.serving_number != serving:  # this comparison is void: another one is made with what serves now
            _leave_registering(session, project.id, number)
        elif promoted and number > serving:
            _move(session, SYSTEM, project, version.number, reason=f"not worse than version {serving}")
        elif settings_of(project).shadow_candidates and number > serving:
            project.shadow_number, project.shadow_since = number, utc_now()


def promote(
    session: Session, caller: Caller, project: ProjectRow, number: int, reason: str | None = None
) -> VersionRow | None:
    """Let a version serve from now on. Returns its row; None for version 0, the categories' names.

    Raises:
        Missing: there is no such version.
        NoVersion: it is in training or failed.
    """
    session.refresh(project, with_for_update=True)
    row = None if number == 0 else find_version(session, project, number)
    if row is not None and row.sha256 is None:
        raise NoVersion(f"version {number} is {row.status}: it cannot serve")
    check_encoder(session, project, row)
    if project.serving_number != number:
        _move(session, caller, project, number, reason=reason)
    return row


def rollback(session: Session, caller: Caller, project: ProjectRow, reason: str | None = None) -> VersionRow | None:
    """Let the version serve again that served before this one. Raises Conflict where there was none."""
    session.refresh(project, with_for_update=True)
    before: list[int] = []  # who served, oldest first; each rollback takes the newest away
    for move in session.scalars(
        select(PromotionRow).where(PromotionRow.project_id == project.id).order_by(PromotionRow.id)
    ):
        if not move.is_rollback:
            before.append(move.from_number)
        elif before:
            before.pop()
    if not before:
        raise Conflict("no version served before this one")
    number = before[-1]
    row = None if number == 0 else find_version(session, project, number)
    check_encoder(session, project, row)
    _move(session, caller, project, number, reason=reason or "rollback", is_rollback=True)
    return row


def find_version(session: Session, project: ProjectRow, number: int) -> VersionRow:
    """A version of this project. Raises Missing."""
    row = session.scalar(select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == number))
    if row is None:
        raise Missing(f"the project has no version {number}")
    return row


def check_encoder(session: Session, project: ProjectRow, row: VersionRow | None) -> None:
    """Refuse a version whose encoder is not the one that the project's items have vectors of."""
    if row is None:
        return
    embedded = select(ItemRow.id).where(ItemRow.project_id == project.id)
    own = session.scalar(embedded.where(ItemRow.encoder_id == row.encoder_id).limit(1))
    if own is None and session.scalar(embedded.limit(1)) is not None:
        raise NoVersion(f"version {row.number} was trained with another encoder: train a new one")


def _leave_registering(session: Session, project_id: int, number: int) -> None:
    key = f"register:{project_id}:{number}"
    jobs.enqueue(session, Job.REGISTER, key=key, project_id=project_id, payload={"number": number})


def compare(runtime: Runtime, session: Session, project: ProjectRow, a: int, b: int) -> Comparison:
    """Hold two versions (0: the categories' names) against the same audits and the same pool."""
    for number in {a, b} - {0}:
        find_version(session, project, number)
    right = {number: _on_audits(runtime, session, project, number, against=(a, b)) for number in {a, b}}
    (eval_a, right_a), (eval_b, right_b) = right[a], right[b]
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    changed, pool, flips = _flips(runtime, session, project, a, b)
    return Comparison(
        a=a,
        b=b,
        audits=len(right_a),
        metrics_a=eval_a,
        metrics_b=eval_b,
        only_a=only_a,
        only_b=only_b,
        p_value=mcnemar(only_a, only_b),
        b_is_worse=is_worse(right_b, right_a),
        changed=changed,
        pool=pool,
        flips=flips,
    )


def as_metrics(evaluation: Evaluation | None) -> dict[str, object] | None:
    """An evaluation's figures without its tables."""
    if evaluation is None:
        return None
    whole = asdict(evaluation)
    return {key: whole[key] for key in ("accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss")} | {
        "calibration_error": evaluation.calibration_error,
        "measured_on": {"kind": "blind audits", "items": evaluation.n},
    }


def _move(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    number: int,
    *,
    reason: str | None,
    is_rollback: bool = False,
) -> None:
    session.add(
        PromotionRow(
            project_id=project.id,
            from_number=project.serving_number,
            to_number=number,
            actor=caller.key,
            reason=reason,
            is_rollback=is_rollback,
        )
    )
    for row in session.scalars(
        select(VersionRow).where(
            VersionRow.project_id == project.id, VersionRow.number.in_([project.serving_number, number])
        )
    ):
        row.status = VersionStatus.SERVING if row.number == number else VersionStatus.RETIRED
    record(
        session,
        caller,
        "version.rollback" if is_rollback else "version.promote",
        project.slug,
        {"from": project.serving_number, "to": number},
    )
    moved = {
        "version": number,
        "previous_version": project.serving_number,
        "rollback": is_rollback,
        "by": caller.name,
        "reason": reason,
    }
    project.serving_number = number
    if project.shadow_number == number:  # it is heard from now on
        project.shadow_number = project.shadow_since = None
    session.flush()
    publish(session, project.id, Event.MODEL_PROMOTED, lambda: moved)
    jobs.enqueue(session, Job.SCORE, key=f"score:{project.id}", project_id=project.id)


def _on_audits(
    runtime: Runtime, session: Session, project: ProjectRow, number: int, *, against: tuple[int, int]
) -> tuple[Evaluation | None, NDArray[np.bool_]]:
    """One version on the audits held out for both: its figures, and which ones it answers rightly."""
    learnt = session.execute(
        select(VersionRow.decision_high_water, VersionRow.audit_high_water).where(
            VersionRow.project_id == project.id, VersionRow.number.in_(against)
        )
    ).tuples()
    audits = hold_out(session, project.id, learnt.all())
    pool = pool_of(runtime, session, project)
    if pool is None or not len(audits):
        return None, np.empty(0, np.bool_)
    served = runtime.heads.get(session, project, number)
    found = examine(served.head, Inputs(pool, session, served.features), audits, project.task)
    return found.evaluation, found.correct


def _flips(runtime: Runtime, session: Session, project: ProjectRow, a: int, b: int) -> tuple[int, int, list[Flip]]:
    found_a, found_b = scored(runtime, session, project, a), scored(runtime, session, project, b)
    if found_a is None or found_b is None:
        return 0, 0, []
    pool, scores_a, scores_b = found_a[0], found_a[1], found_b[1]
    size = min(len(scores_a), len(scores_b))
    differs = np.flatnonzero((scores_a.category[:size] != scores_b.category[:size]) & (pool.item_ids[:size] > 0))
    labels = labels_as_of(session, project.id)
    truth = dict(zip(labels.item[labels.audit].tolist(), labels.category[labels.audit].tolist(), strict=True))
    names = {row.id: row.name for row in categories_of(session, project.id)}
    shown = sorted(differs.tolist(), key=lambda place: int(pool.item_ids[place]) not in truth)[:_FLIPS_SHOWN]
    wanted = [int(pool.item_ids[place]) for place in shown]
    texts = dict(session.execute(select(ItemRow.id, ItemRow.text).where(ItemRow.id.in_(wanted))).tuples().all())
    flips = [
        Flip(
            item_id := int(pool.item_ids[place]),
            texts.get(item_id, ""),
            names.get(int(scores_a.category[place]), "?"),
            names.get(int(scores_b.category[place]), "?"),
            names.get(truth[item_id]) if item_id in truth else None,
        )
        for place in shown
    ]
    return len(differs), size, flips


def _summary(found: Comparison) -> str:
    """What a person wants to know of a new version, in a sentence that claims no more than was measured."""
    share = f"It answers {found.changed:,} of {found.pool:,} items differently from version {found.a}"
    if found.metrics_b is None or found.metrics_a is None:
        return f"{share}; there is no blind check yet to tell which is better."
    right_a = round(found.metrics_a.accuracy * found.audits)
    right_b = round(found.metrics_b.accuracy * found.audits)
    checks = "the one blind check" if found.audits == 1 else f"{found.audits} blind checks"
    return f"{share}. It gets {right_b} of {checks} right, version {found.a} gets {right_a} of them{_gains(found)}."


def _gains(found: Comparison) -> str:
    fixed: dict[str, int] = {}
    for flip in found.flips:
        if flip.truth is not None and flip.b == flip.truth:
            fixed[flip.truth] = fixed.get(flip.truth, 0) + 1
    if not fixed:
        return ""
    best = sorted(fixed.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    return "; it got better at " + ", ".join(name for name, _ in best)
