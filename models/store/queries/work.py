"""Reads of the work that people did."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.queries.paging import Page, newest_first
from models.store.tables import AuditLogRow, DecisionRow, ProjectRow, PromotionRow
from models.vocabulary import Action, Source

Done = tuple[datetime, str, float | None]
"""When, by whom, and in how many seconds."""


def reviewed(session: Session, project_id: int, since: datetime) -> Sequence[Done]:
    """The decisions that reviewers made since then and that were not taken back."""
    undone = select(DecisionRow.supersedes_id).where(
        DecisionRow.project_id == project_id, DecisionRow.action == Action.UNDO
    )
    query = select(DecisionRow.created_at, DecisionRow.actor_name, DecisionRow.seconds).where(
        DecisionRow.project_id == project_id,
        DecisionRow.source == Source.REVIEW,
        DecisionRow.action != Action.UNDO,
        DecisionRow.created_at >= since,
        DecisionRow.id.not_in(undone),
    )
    return session.execute(query.order_by(DecisionRow.id)).tuples().all()


def decided_by(session: Session, decision_ids: Sequence[int]) -> Sequence[tuple[str, Source, int]]:
    """Who made how many of these decisions, and whence they came; the most first."""
    counted: dict[tuple[str, Source], int] = {}
    for start in range(0, len(decision_ids), 500):
        block = list(decision_ids[start : start + 500])
        query = select(DecisionRow.actor_name, DecisionRow.source, func.count()).where(DecisionRow.id.in_(block))
        for name, source, count in session.execute(query.group_by(DecisionRow.actor_name, DecisionRow.source)):
            counted[name, source] = counted.get((name, source), 0) + count
    most_first = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return [(name, source, count) for (name, source), count in most_first]


def promotions_of(session: Session, project_id: int, number: int) -> Sequence[PromotionRow]:
    """The moves that made a version serve or ended that, oldest first."""
    query = select(PromotionRow).where(
        PromotionRow.project_id == project_id,
        (PromotionRow.to_number == number) | (PromotionRow.from_number == number),
    )
    return session.scalars(query.order_by(PromotionRow.id)).all()


def audit_log_page(
    session: Session, *, after: int | None, limit: int, action: str | None = None, subject: str | None = None
) -> Page[AuditLogRow]:
    """What was done, newest first.

    Args:
        action: the beginning of the action's name.
        subject: the beginning of what it was done to.
    """
    query = select(AuditLogRow)
    if action is not None:
        query = query.where(AuditLogRow.action.startswith(action, autoescape=True))
    if subject is not None:
        query = query.where(AuditLogRow.subject.startswith(subject, autoescape=True))
    return newest_first(session, query, AuditLogRow.id, after, limit)


def erasures_page(session: Session, project: ProjectRow, *, after: int | None, limit: int) -> Page[AuditLogRow]:
    """The erasures of a project's items, newest first."""
    return audit_log_page(session, after=after, limit=limit, action="item.erase", subject=f"{project.slug}/")
