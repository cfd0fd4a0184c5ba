"""Step 2: text to vectors, block by block. Whatever kills it, the next attempt goes on with what is missing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from models import jobs
from models.learn.encoders import Encoder
from models.store.tables import EncoderRow, ItemRow, ProjectRow, VectorRow
from models.store.upsert import insert_new
from models.vocabulary import Job
from models.work import Work

BLOCK_TEXTS = 512
_BLOCK_CHARS = 64_000
_READ_CHARS = 1_200  # of a longer text the encoder reads no more than about so many


def encoder_row(session: Session, encoder: Encoder) -> EncoderRow:
    """The row of an encoder, made on first use."""
    insert_new(session, EncoderRow, [{"name": encoder.id, "dimensions": encoder.dimensions}])
    return session.scalars(select(EncoderRow).where(EncoderRow.name == encoder.id)).one()


def known_encoder(session: Session, encoder: Encoder) -> EncoderRow | None:
    """The row of an encoder, if anything was ever encoded with it."""
    return session.scalar(select(EncoderRow).where(EncoderRow.name == encoder.id))


def run_embed(work: Work) -> None:
    """Give a vector to every item of the project that has none."""
    database, encoder = work.runtime.database, work.runtime.encoder
    with database.transaction() as session:
        encoder_id = encoder_row(session, encoder).id
        waiting = _waiting(session, work.project_id)
    done = work.claim.done
    total = done + waiting
    while True:
        with database.read() as session:
            block = session.execute(
                select(ItemRow.id, ItemRow.text)
                .where(ItemRow.project_id == work.project_id, ItemRow.encoder_id.is_(None))
                .order_by(ItemRow.id)
                .limit(BLOCK_TEXTS)
            ).all()
        if not block:
            break
        block = block[: _few_enough([text for _, text in block])]
        vectors = encoder.encode([text for _, text in block])
        first = done == 0
        done += len(block)
        with work.advancing(done, max(total, done)) as session:
            keep(session, work.project_id, encoder_id, [item_id for item_id, _ in block], vectors)
            if first:  # people wait for the first cards of a new project: they come after the first block
                _leave_scoring(session, work.project_id)
                work.hurry()
        work.pause()
    with work.completing({"embedded": done}) as session:
        _leave_scoring(session, work.project_id)


def _few_enough(block: Sequence[str]) -> int:
    """How many of these texts are encoded in a few seconds, at least one: others wait, and so does a signal to stop."""
    lengths = np.cumsum([min(len(text), _READ_CHARS) for text in block])
    return max(1, int(np.searchsorted(lengths, _BLOCK_CHARS, side="right")))


def keep(
    session: Session,
    project_id: int,
    encoder_id: int,
    item_ids: Sequence[int],
    vectors: NDArray[np.float32],
) -> None:
    """Store vectors of items that have none yet, at the next positions of the project.

    Args:
        vectors: shape (len(item_ids), d).
    """
    # The project's row is the lock under which positions are given out: they have no gaps and no twins.
    # (Rows that only point to the project do not wait for it: somebody may be deciding one of these items.)
    session.get_one(ProjectRow, project_id, with_for_update={"key_share": True})
    row_of = {item_id: place for place, item_id in enumerate(item_ids)}
    missing = session.scalars(
        update(ItemRow)
        .where(ItemRow.id.in_(item_ids), ItemRow.encoder_id.is_(None))
        .values(encoder_id=encoder_id)
        .returning(ItemRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    # After a change of the encoder and back, vectors of this one are there already.
    kept = select(VectorRow.item_id).where(VectorRow.encoder_id == encoder_id, VectorRow.item_id.in_(missing))
    fresh = sorted(set(missing) - set(session.scalars(kept)))
    if not fresh:
        return
    position = embedded_count(session, project_id, encoder_id)
    halves = vectors.astype(np.float16)
    session.execute(
        insert(VectorRow),
        [
            {
                "project_id": project_id,
                "encoder_id": encoder_id,
                "position": position + offset,
                "item_id": item_id,
                "data": halves[row_of[item_id]].tobytes(),
            }
            for offset, item_id in enumerate(fresh)
        ],
    )


def embedded_count(session: Session, project_id: int, encoder_id: int) -> int:
    """How many vectors a project has: positions are dense, so the last one tells."""
    last = session.scalar(
        select(func.max(VectorRow.position)).where(
            VectorRow.project_id == project_id, VectorRow.encoder_id == encoder_id
        )
    )
    return 0 if last is None else last + 1


def _waiting(session: Session, project_id: int) -> int:
    return (
        session.scalar(select(func.count()).where(ItemRow.project_id == project_id, ItemRow.encoder_id.is_(None))) or 0
    )


def _leave_scoring(session: Session, project_id: int) -> None:
    jobs.enqueue(session, Job.SCORE, key=f"score:{project_id}", project_id=project_id)
