"""Proof that an erased item is gone: what is left of it, looked for anew each time it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.queries.work import erasures_page
from models.store.tables import (
    AuditLogRow,
    DecisionRow,
    ItemRow,
    PredictionRow,
    ProjectRow,
    TaskRow,
    VectorRow,
    VersionRow,
)


@dataclass(frozen=True, slots=True)
class Erased:
    """An erased item and what is left of it.

    Attributes:
        left: rows that still name it, by kind; all are 0 where it is gone.
        versions_before: numbers of the versions that were trained before and may have learnt from it.
    """

    item_id: int
    at: datetime
    actor: str
    left: dict[str, int]
    versions_before: list[int]


def erasures(
    session: Session, project: ProjectRow, *, after: int | None, limit: int
) -> tuple[list[Erased], int | None]:
    """A page of what was erased from a project, newest first, and what to go on after."""
    page = erasures_page(session, project, after=after, limit=limit)
    versions = session.execute(
        select(VersionRow.number, VersionRow.created_at).where(VersionRow.project_id == project.id)
    ).all()
    found = [_erased(session, row, [(number, when) for number, when in versions]) for row in page.rows]
    return found, page.next_after


def _erased(session: Session, row: AuditLogRow, versions: Sequence[tuple[int, datetime]]) -> Erased:
    item_id = int(row.subject.rpartition("/")[2])
    left = {
        "item": select(func.count()).where(ItemRow.id == item_id),
        "vector": select(func.count()).where(VectorRow.item_id == item_id),
        "decisions": select(func.count()).where(DecisionRow.item_id == item_id),
        "tasks": select(func.count()).where(TaskRow.item_id == item_id),
        "predictions": select(func.count()).where(PredictionRow.item_id == item_id),
    }
    return Erased(
        item_id,
        row.created_at,
        row.actor,
        {kind: session.scalar(query) or 0 for kind, query in left.items()},
        sorted(number for number, when in versions if when < row.created_at),
    )
