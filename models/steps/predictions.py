"""What a version says about items: used wherever an answer is shown, given or listed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.errors import NoVersion, TooFewCategories
from models.heads import Columns, Served, probabilities
from models.learn.answers import answer
from models.learn.encoders import Encoder
from models.learn.multi import MultiHead
from models.runtime import Runtime
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, EncoderRow, ItemRow, ProjectRow, VectorRow

_TOP = 9  # as many as a card has digits to choose with
_KEPT = (
    select(VectorRow.item_id, VectorRow.data)
    .join(EncoderRow, EncoderRow.id == VectorRow.encoder_id)
    .where(EncoderRow.name == bindparam("encoder"), VectorRow.item_id.in_(bindparam("item_ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the machine says about an item.

    Attributes:
        category: the likeliest of `categories`.
        confidence: how likely `categories` is right as a whole.
        top: the likeliest categories with their own probability, best first.
        categories: the whole answer; several only in projects of several categories an item.
    """

    number: int
    category: CategoryRow
    confidence: float
    top: tuple[tuple[str, float], ...]
    categories: tuple[CategoryRow, ...]


def predict_items(
    runtime: Runtime, session: Session, project: ProjectRow, items: Sequence[ItemRow]
) -> dict[int, Prediction]:
    """What the serving version says about stored items, by item id; empty where nothing can answer yet."""
    if not items:
        return {}
    try:
        served = runtime.heads.get(session, project)
        categories = categories_of(session, project.id, archived=False)
        inputs = served.inputs(vectors_of(session, served.encoder, items), [item.fields for item in items])
        shares, columns = probabilities(served, inputs, categories)
    except (TooFewCategories, NoVersion):
        return {}
    return {item.id: as_prediction(served, row, columns) for item, row in zip(items, shares, strict=True)}


def as_prediction(served: Served, shares: NDArray[np.float32], columns: Columns, top: int = _TOP) -> Prediction:
    """One row of probabilities, shape (k,), as a prediction."""
    categories = columns.categories
    order = (-shares).argsort(kind="stable").tolist()
    chosen, confidence = [categories[order[0]]], float(shares[order[0]])
    if isinstance(served.head, MultiHead):
        said = answer(served.head, shares[None], columns.ids)
        chosen = [categories[place] for place in order if said.chosen[0, place]]
        confidence = float(said.confidence[0])
    return Prediction(
        served.number,
        chosen[0],
        confidence,
        tuple([(categories[place].name, float(shares[place])) for place in order[:top]]),
        tuple(chosen),
    )


def vectors_of(session: Session, encoder: Encoder, items: Sequence[ItemRow]) -> NDArray[np.float32]:
    """The items' vectors, shape (n, d); those that have none yet are encoded now."""
    kept = {
        item_id: np.frombuffer(data, np.float16).astype(np.float32)
        for item_id, data in session.execute(_KEPT, {"encoder": encoder.id, "item_ids": [item.id for item in items]})
    }
    missing = [item for item in items if item.id not in kept]
    if missing:
        fresh = encoder.encode([item.text for item in missing])
        kept |= {item.id: vector for item, vector in zip(missing, fresh, strict=True)}
    return np.stack([kept[item.id] for item in items])
