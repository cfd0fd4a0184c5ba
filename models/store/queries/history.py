"""Reads of what happened to one item."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.store.queries.decisions import seen_by
from models.store.tables import DecisionRow, PredictionRow


def history_of(session: Session, item_id: int, viewer: str) -> Sequence[DecisionRow]:
    """An item's decisions as the viewer may see them, newest first, those taken back and their undos among them."""
    query = select(DecisionRow).where(DecisionRow.item_id == item_id, seen_by(viewer)).order_by(DecisionRow.id.desc())
    return session.scalars(query).all()


def sent_by(session: Session, item_id: int, actor: str) -> PredictionRow | None:
    """What this caller sent last that became the item, or turned out to be it already; None where it sent nothing."""
    query = select(PredictionRow).where(PredictionRow.item_id == item_id, PredictionRow.actor == actor)
    return session.scalar(query.order_by(PredictionRow.created_at.desc(), PredictionRow.id.desc()).limit(1))
