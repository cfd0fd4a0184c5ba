"""Step 2: text to vectors, block by block. Whatever kills it, the next attempt goes on with what is missing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.steps.embed_quick import embed_quick, full_ones_arrived
from models.steps.vectors import encoder_row, leave_scoring, put_vectors
from models.store.queries.counters import item_counts
from models.store.tables import ItemRow, ProjectRow
from models.work import Work

BLOCK_TEXTS = 512
_BLOCK_CHARS = 64_000
_READ_CHARS = 1_200  # of a longer text the encoder reads no more than about so many


def run_embed(work: Work) -> None:
    """Give a vector to every item of the project that has none; before that quick ones, where very many wait."""
    embed_quick(work)
    database, encoder = work.runtime.database, work.runtime.encoder
    with database.transaction() as session:
        encoder_id = encoder_row(session, encoder).id
        waiting = item_counts(session, work.project_id).waiting
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
                leave_scoring(session, work.project_id)
                work.hurry()
        work.pause()
    with work.completing({"embedded": done}) as session:
        project = session.get_one(ProjectRow, work.project_id, with_for_update={"key_share": True})
        if project.quick_encoder_id is not None:
            full_ones_arrived(session, project)
        leave_scoring(session, work.project_id)


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
        item_ids: by rising id.
        vectors: shape (len(item_ids), d).
    """
    # The project's row is the lock under which positions are given out: they have no gaps and no twins.
    # (Rows that only point to the project do not wait for it: somebody may be deciding one of these items.)
    session.get_one(ProjectRow, project_id, with_for_update={"key_share": True})
    missing = session.scalars(
        update(ItemRow)
        .where(ItemRow.id.in_(item_ids), ItemRow.encoder_id.is_(None))
        .values(encoder_id=encoder_id)
        .returning(ItemRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    # After a change of the encoder and back, vectors of this one are there already.
    put_vectors(session, project_id, encoder_id, item_ids, vectors, among=set(missing))
