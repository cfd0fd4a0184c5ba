"""Reads of what happened to one item."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.store.queries.decisions import seen_by
from models.store.tables import DecisionRow, PredictionRow


def history_of(session: Session, item_id: int, viewer: str) -> Sequence[DecisionRow]:
    """An item's decisions as the viewer may see them, newest first, those taken back and their undos among them."""
    query = select(DecisionRow).where(DecisionRow.item_id == item_id, seen_by(viewer)).order_by(DecisionRow.id.desc())
    return session.scalars(query).all()


def was_sent_by(session: Session, item_id: int, actor: str) -> bool:
    """Whether this caller sent the item for review with a prediction, or gave feedback on it."""
    sent = exists().where(PredictionRow.item_id == item_id, PredictionRow.actor == actor)
    told = exists().where(DecisionRow.item_id == item_id, DecisionRow.actor == actor)
    return bool(session.scalar(select(sent | told)))
