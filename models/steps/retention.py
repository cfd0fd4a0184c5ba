"""What a project keeps no longer than it says: its items, and its answers to programs."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.runtime import Runtime
from models.steps.accounts import SYSTEM
from models.steps.ingest import erase_items
from models.steps.projects import settings_of
from models.store.tables import ItemRow, PredictionRow, ProjectRow
from models.store.types import utc_now

_AT_ONCE = 200
MOST = 10_000
"""So many items of a project are erased in one go; others have their turn, and the next hour takes the rest."""


def let_go(runtime: Runtime) -> None:
    """Erase what has been here for longer than its project wants, as on request, with the same proof."""
    with runtime.database.read() as session:
        ids = session.scalars(select(ProjectRow.id)).all()
    for project_id in ids:
        with runtime.database.transaction() as session:
            _forget_answers(session, project_id)
        for _ in range(MOST // _AT_ONCE):
            with runtime.database.transaction() as session:
                if not _erase_oldest(session, project_id):
                    break


def _forget_answers(session: Session, project_id: int) -> None:
    project = session.get(ProjectRow, project_id)
    days = settings_of(project).prediction_days if project is not None else 0
    if days:
        session.execute(
            delete(PredictionRow).where(
                PredictionRow.project_id == project_id, PredictionRow.created_at < utc_now() - timedelta(days=days)
            )
        )


def _erase_oldest(session: Session, project_id: int) -> bool:
    """Erase the next items that are too old; False where there are no more of them."""
    project = session.get(ProjectRow, project_id)
    days = settings_of(project).item_days if project is not None else 0
    if project is None or not days:
        return False
    session.refresh(project, with_for_update={"key_share": True})  # nobody else erases meanwhile
    before = utc_now() - timedelta(days=days)
    oldest = session.execute(
        select(ItemRow.id, ItemRow.created_at)
        .where(ItemRow.project_id == project_id)
        .order_by(ItemRow.id)  # they got their numbers as they came
        .limit(_AT_ONCE)
    ).all()
    due = [item_id for item_id, came in oldest if came < before]
    erase_items(session, SYSTEM, project, due)
    return len(due) == _AT_ONCE
