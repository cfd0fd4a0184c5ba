"""Step 9: how good it is, by blind audits alone; what is going on; what should worry somebody."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import jobs
from models.learn.audit import exact_interval
from models.runtime import Runtime
from models.steps.decisions import LABELLING, since_last_version
from models.steps.hold_out import accuracy_now
from models.steps.projects import settings_of
from models.steps.suspension import suspended, terms_of
from models.store.queries.categories import counted_as, merged_categories
from models.store.queries.counters import item_counts
from models.store.queries.decisions import categories_given, unlearnt
from models.store.queries.projects import categories_of
from models.store.queries.refusals import refusals
from models.store.tables import (
    DecisionCategoryRow,
    DecisionRow,
    ItemRow,
    JobRow,
    ProjectRow,
    TaskRow,
    VersionRow,
)
from models.store.types import utc_now
from models.vocabulary import SETTLED, Action, ItemState, Job, JobStatus, Reason

_CERTAINTY = 0.95


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right answers among blind audits, with the exact 95 % interval.

    Attributes:
        at: the end of the time in which the audits were answered.
        audited: how many there were.
        number: the version that had answered them, the newest of that time.
        passed_over: how many audits of that time ended without an answer: skipped, flagged or in dispute.
    """

    at: datetime
    accuracy: float
    low: float
    high: float
    audited: int
    number: int
    passed_over: int


def stats(runtime: Runtime, session: Session, project: ProjectRow) -> dict[str, Any]:
    """The project at a glance; the shape is that of the API's `stats`."""
    settings = settings_of(project)
    now = utc_now()
    items = item_counts(session, project.id)
    leased = session.scalar(
        select(func.count()).where(
            TaskRow.project_id == project.id, TaskRow.open.is_(True), TaskRow.lease_expires_at >= now
        )
    )
    asked = session.scalar(select(func.count()).where(TaskRow.project_id == project.id, TaskRow.open.is_(True)))
    running = jobs.unfinished(session, project.id)
    serving = _serving(session, project)
    why_suspended = suspended(session, project, serving) if serving is not None else None
    automated = (serving.automation or {}) if serving is not None and why_suspended is None else {}
    terms = terms_of(project, automated)
    return {
        "items": {
            "total": items.of(),
            "embedded": items.of() - items.waiting,
            "quick": project.quick_encoder_id is not None,
            "decided": items.of(ItemState.DECIDED),
            "flagged": items.of(ItemState.FLAGGED),
            "disputed": items.of(ItemState.DISPUTED),
        },
        "queue": {"open": (asked or 0) - (leased or 0), "leased": leased or 0},
        "decisions": _decisions(session, project, now),
        "serving_model": project.serving_number if serving is not None or _can_answer(session, project) else None,
        "training": {
            "running": any(job.kind is Job.TRAIN for job in running),
            "decisions_since_last": since_last_version(session, project.id),
            "retrain_every": settings.retrain_every,
            "held_up_by": _held_up_by(session, project.id),
        },
        "automation": {
            "by": terms.by,
            "threshold": terms.threshold,
            "categories": len(terms.by_category),
            "share": terms.share,
            "audits": automated.get("audits", 0),
            "audits_needed": automated.get("audits_needed"),
            "target_accuracy": settings.target_accuracy,
            "suspended": why_suspended is not None,
            "reason": why_suspended,
        },
        "latest_model": _latest(session, project),
        "accuracy": accuracy_now(runtime, session, project),
        "jobs": [
            {
                "id": job.id,
                "kind": job.kind,
                "status": job.status,
                "progress": {"done": job.progress_done, "total": job.progress_total},
            }
            for job in running
        ],
    }


def accuracy_trend(
    session: Session, project: ProjectRow, *, since: datetime | None = None, bucket: str = "day"
) -> list[Accuracy]:
    """How often the version that served was right on the blind audits of each day or week, as they came.

    Each audit is judged by what the machine had said when it was asked; the reviewer did not see it. One of an item
    that this version had learnt from does not count.

    Args:
        bucket: `day` or `week` (weeks begin on Monday).
    """
    asked = (
        select(DecisionRow)
        .where(
            DecisionRow.project_id == project.id,
            DecisionRow.reason == Reason.AUDIT,
            DecisionRow.action.in_(LABELLING),
            DecisionRow.partial.is_(False),
            DecisionRow.predicted_category_id.is_not(None),
            unlearnt(),
            DecisionRow.id.not_in(
                select(DecisionRow.supersedes_id).where(
                    DecisionRow.project_id == project.id, DecisionRow.action == Action.UNDO
                )
            ),
        )
        .order_by(DecisionRow.id)
    )
    if since is not None:
        asked = asked.where(DecisionRow.created_at >= since)
    rows = session.scalars(asked).all()
    given = categories_given(session, [row.id for row in rows])
    merged = merged_categories(session, project.id)
    begins = _start_of(bucket)
    ended = Counter(begins(one.at) for one in refusals(session, project.id) if since is None or one.at >= since)
    buckets = groupby(rows, lambda row: begins(row.created_at))
    return [_point(list(some), given, merged, (start, bucket), ended[start]) for start, some in buckets]


def _held_up_by(session: Session, project_id: int) -> str | None:
    """Why the last training made no version, if it did not."""
    last = session.scalar(
        select(JobRow)
        .where(JobRow.project_id == project_id, JobRow.kind == Job.TRAIN, JobRow.status == JobStatus.SUCCEEDED)
        .order_by(JobRow.created_at.desc())
        .limit(1)
    )
    if last is None or not last.result or last.result.get("version") is not None:
        return None
    return last.result.get("reason")


def _decisions(session: Session, project: ProjectRow, now: datetime) -> dict[str, Any]:
    made = (DecisionRow.project_id == project.id, DecisionRow.action.in_(LABELLING))
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    counts = dict(
        session.execute(
            select(DecisionCategoryRow.category_id, func.count())
            .join(ItemRow, ItemRow.decision_id == DecisionCategoryRow.decision_id)
            .where(ItemRow.project_id == project.id, ItemRow.state.in_(SETTLED))
            .group_by(DecisionCategoryRow.category_id)
        )
        .tuples()
        .all()
    )
    meant = counted_as(session, set(counts))
    by_category: Counter[str] = Counter()
    for category_id, count in counts.items():
        by_category[meant[category_id].name] += count
    return {
        "total": session.scalar(select(func.count()).where(*made)) or 0,
        "today": session.scalar(select(func.count()).where(*made, DecisionRow.created_at >= midnight)) or 0,
        "by_category": dict(by_category),
    }


def _can_answer(session: Session, project: ProjectRow) -> bool:
    return len(categories_of(session, project.id, archived=False)) > 1


def _serving(session: Session, project: ProjectRow) -> VersionRow | None:
    return session.scalar(
        select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == project.serving_number)
    )


def _latest(session: Session, project: ProjectRow) -> dict[str, Any] | None:
    row = session.scalar(
        select(VersionRow).where(VersionRow.project_id == project.id).order_by(VersionRow.number.desc())
    )
    if row is None:
        return None
    return {"version": row.number, "status": row.status, "summary": row.summary, "error": row.error}


def _start_of(bucket: str) -> Callable[[datetime], datetime]:
    """What tells the beginning of the day or week of a moment."""

    def start(moment: datetime) -> datetime:
        day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return day - timedelta(days=day.weekday()) if bucket == "week" else day

    return start


def _point(
    rows: list[DecisionRow],
    given: dict[int, set[int]],
    merged: dict[int, int],
    begun: tuple[datetime, str],
    passed_over: int,
) -> Accuracy:
    start, bucket = begun
    said = [{merged.get(one, one) for one in row.predicted_category_ids or ()} for row in rows]
    right = sum(one == given[row.id] for one, row in zip(said, rows, strict=True))
    low, high = exact_interval(right, len(rows), _CERTAINTY)
    end = min(start + timedelta(days=7 if bucket == "week" else 1), utc_now())
    return Accuracy(end, right / len(rows), low, high, len(rows), rows[-1].predicted_number or 0, passed_over)
