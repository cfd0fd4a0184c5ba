"""Where an item's vectors are stored: of each encoder one, at a position of its own in the project."""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import jobs
from models.learn.encoders import Encoder
from models.store.incoming import bring
from models.store.tables import EncoderRow, VectorRow
from models.store.upsert import insert_new
from models.vocabulary import Job


def encoder_row(session: Session, encoder: Encoder) -> EncoderRow:
    """The row of an encoder, made on first use."""
    insert_new(session, EncoderRow, [{"name": encoder.id, "dimensions": encoder.dimensions}])
    return session.scalars(select(EncoderRow).where(EncoderRow.name == encoder.id)).one()


def known_encoder(session: Session, encoder: Encoder) -> EncoderRow | None:
    """The row of an encoder, if anything was ever encoded with it."""
    return session.scalar(select(EncoderRow).where(EncoderRow.name == encoder.id))


def put_vectors(
    session: Session,
    project_id: int,
    encoder_id: int,
    item_ids: Sequence[int],
    vectors: NDArray[np.float32],
    *,
    among: Container[int],
) -> None:
    """Store vectors at the next positions of the project. Whoever calls holds the project's row: no gaps, no twins.

    Args:
        item_ids: by rising id; those that have a vector of this encoder already keep it.
        vectors: shape (len(item_ids), d).
        among: items whose vectors are wanted; the others' are not stored.
    """
    if not item_ids:
        return
    mine = VectorRow.encoder_id == encoder_id
    kept = set(session.scalars(select(VectorRow.item_id).where(mine, VectorRow.item_id.in_(item_ids))))
    position = embedded_count(session, project_id, encoder_id)
    fresh = [(row, one) for row, one in enumerate(item_ids) if one in among and one not in kept]
    halves = vectors.astype(np.float16)
    if fresh:
        bring(
            session,
            VectorRow,
            ("position", "item_id", "data"),
            [(position + offset, item_id, halves[row].tobytes()) for offset, (row, item_id) in enumerate(fresh)],
            {"project_id": project_id, "encoder_id": encoder_id},
        )


def embedded_count(session: Session, project_id: int, encoder_id: int) -> int:
    """How many vectors a project has: positions are dense, so the last one tells."""
    last = session.scalar(
        select(func.max(VectorRow.position)).where(
            VectorRow.project_id == project_id, VectorRow.encoder_id == encoder_id
        )
    )
    return 0 if last is None else last + 1


def leave_scoring(session: Session, project_id: int) -> None:
    """Leave a job that asks the serving version about what is new."""
    jobs.enqueue(session, Job.SCORE, key=f"score:{project_id}", project_id=project_id)
