"""Quick vectors for a large import, before the full ones: so all of it can soon be asked, learnt from and searched.

They are for the start of a project: where a version on full vectors is there already, what is new joins as its full
vectors come. They cost accuracy (`docs/benchmarks.md`), so the project leaves them by itself once the full ones are
complete (`full_ones_arrived`). Versions that were made on them go on answering with them: therefore they are kept.
"""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Unavailable
from models.learn.encoders import Encoder
from models.learn.static_encoder import is_static
from models.runtime import Runtime
from models.steps.vectors import encoder_row, leave_scoring, put_vectors
from models.store.queries.versions import encoder_name
from models.store.tables import EncoderRow, ItemRow, ProjectRow, VectorRow, VersionRow
from models.vocabulary import Job
from models.work import Work

BLOCK_ITEMS = 2_048

_LOG = logging.getLogger("winnow.embed")


def embed_quick(work: Work) -> None:
    """Give quick vectors to items that have none, where the project works with them or is to begin to.

    Nothing but the vectors says how far it is: whatever kills it, the next attempt goes on with what is missing. Raises
    SliceOver where there is something new to be scored before the full ones have their turn.
    """
    runtime, project_id = work.runtime, work.project_id
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, project_id)
        begins = _begins(runtime, session, project)
        wanted = begins or _goes_on(session, project)
    encoder = _quick(runtime) if wanted else None
    if encoder is None:
        return
    with runtime.database.transaction() as session:
        encoder_id = encoder_row(session, encoder).id
        after = start = _last(session, project_id, encoder_id)
    while True:
        with runtime.database.read() as session:
            mine = select(ItemRow.id, ItemRow.text).where(ItemRow.project_id == project_id, ItemRow.id > after)
            block = session.execute(mine.order_by(ItemRow.id).limit(BLOCK_ITEMS)).all()
        if not block:
            break
        vectors = encoder.encode([text for _, text in block])
        with work.advancing(work.claim.done) as session:
            project = session.get_one(ProjectRow, project_id, with_for_update={"key_share": True})
            there = ItemRow.project_id == project_id, ItemRow.id.between(block[0].id, block[-1].id)
            kept = set(session.scalars(select(ItemRow.id).where(*there)))  # the others were erased meanwhile
            put_vectors(session, project_id, encoder_id, [item_id for item_id, _ in block], vectors, among=kept)
            if begins and project.quick_encoder_id is None:  # people wait for the first cards
                project.quick_encoder_id = encoder_id
                leave_scoring(session, project_id)
                work.hurry()
        after = block[-1].id
        work.pause()
    if after != start:
        with work.advancing(work.claim.done) as session:
            leave_scoring(session, project_id)
        work.hurry()
        work.pause()


def full_ones_arrived(session: Session, project: ProjectRow) -> None:
    """Let the project work with its full vectors from now on, and learn on them what it learnt on quick ones."""
    quick, project.quick_encoder_id = project.quick_encoder_id, None
    learnt = select(VersionRow.id).where(VersionRow.project_id == project.id, VersionRow.encoder_id == quick)
    if session.scalar(learnt.limit(1)) is not None:
        job = jobs.enqueue(session, Job.TRAIN, key=f"train:{project.id}", project_id=project.id)
        job.payload = {}  # one that waits for enough decisions is wanted now


def _goes_on(session: Session, project: ProjectRow) -> bool:
    """Whether the project works with quick vectors, or the version that serves was made on them."""
    if project.quick_encoder_id is not None:
        return True
    serving = encoder_name(session, project.id, project.serving_number) if project.serving_number else None
    return serving is not None and is_static(serving)


def _begins(runtime: Runtime, session: Session, project: ProjectRow) -> bool:
    """Whether the project is to work with quick vectors: very many items wait for full ones, and none was learnt on."""
    most = runtime.settings.quick_vectors
    waiting = select(ItemRow.id).where(ItemRow.project_id == project.id, ItemRow.encoder_id.is_(None))
    if not most or session.scalar(waiting.order_by(ItemRow.id).offset(most).limit(1)) is None:
        return False
    learnt = (
        select(VersionRow.id)
        .join(EncoderRow, EncoderRow.id == VersionRow.encoder_id)
        .where(VersionRow.project_id == project.id, VersionRow.sha256.is_not(None))
        .where(EncoderRow.name == runtime.encoder.id)
    )
    return session.scalar(learnt.limit(1)) is None


def _quick(runtime: Runtime) -> Encoder | None:
    """The quick encoder; where it cannot be had, the full vectors are not kept waiting for it."""
    try:
        return runtime.encoders.quick
    except Unavailable as error:
        _LOG.warning("there are no quick vectors: %s", error.detail)
        return None


def _last(session: Session, project_id: int, encoder_id: int) -> int:
    """The item that was last given a quick vector; 0 before the first.

    Items are stored one transaction after the other (`models.steps.items.store`): none comes later with a lower id.
    """
    mine = VectorRow.project_id == project_id, VectorRow.encoder_id == encoder_id
    last = session.scalar(select(VectorRow.item_id).where(*mine).order_by(VectorRow.position.desc()).limit(1))
    return abs(last or 0)  # of an erased item the place is left, under the same number made negative
