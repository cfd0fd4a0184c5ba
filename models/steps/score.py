"""Step 3: what the serving version says about every item of the pool."""

from sqlalchemy.orm import Session

from models import jobs
from models.errors import NoVersion, TooFewCategories
from models.pool.inputs import Inputs
from models.pool.scores import Scores, score_pool
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.vectors import known_encoder
from models.store.tables import ProjectRow
from models.vocabulary import Job
from models.work import Work


def run_score(work: Work) -> None:
    """Catch the local pool up, score what is new, and have the queue filled anew."""
    with work.runtime.database.read() as session:
        project = session.get(ProjectRow, work.project_id)
        if project is not None:
            scored(work.runtime, session, project)
    with work.completing() as session:
        jobs.enqueue(session, Job.QUEUE, key=f"queue:{work.project_id}", project_id=work.project_id)


def pool_of(runtime: Runtime, session: Session, project: ProjectRow, number: int | None = None) -> Pool | None:
    """The project's vectors as a version knows them, the serving one where no number is given; None before the first.

    Two versions may know vectors of two encoders: only those of one pool may be held against each other.
    """
    encoder = known_encoder(session, runtime.encoders.of(session, project, number))
    return None if encoder is None else runtime.pools.open(session, project, encoder)


def scored(
    runtime: Runtime, session: Session, project: ProjectRow, number: int | None = None
) -> tuple[Pool, Scores] | None:
    """The pool and a version's answers over it; None where there is no pool or nothing that could answer.

    Args:
        number: a version; None for the serving one.
    """
    pool = pool_of(runtime, session, project, number)
    if pool is None:
        return None
    try:
        served = runtime.heads.get(session, project, number)
    except (TooFewCategories, NoVersion):
        return None
    return pool, score_pool(Inputs(pool, session, served.features), served.head, served.name)
