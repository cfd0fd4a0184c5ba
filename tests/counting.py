"""Whether the counters of items say what counting the items says."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.queries.counters import ItemCounts, item_counts
from models.store.session import Database
from models.store.tables import ItemRow, ProjectRow
from models.vocabulary import ItemState


def counted_anew(session: Session, project_id: int) -> ItemCounts:
    """A project's items, looked at one by one."""
    mine = ItemRow.project_id == project_id
    found = dict(
        session.execute(select(ItemRow.state, func.count()).where(mine).group_by(ItemRow.state)).tuples().all()
    )
    waiting = session.scalar(select(func.count()).where(mine, ItemRow.encoder_id.is_(None))) or 0
    return ItemCounts({state: found.get(state, 0) for state in ItemState}, waiting)


def counters_are_right(database: Database) -> None:
    """Hold the counters of every project against its items."""
    with database.read() as session:
        for project_id in session.scalars(select(ProjectRow.id)):
            assert item_counts(session, project_id) == counted_anew(session, project_id)
