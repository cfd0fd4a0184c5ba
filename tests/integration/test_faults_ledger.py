"""What `benchmarks.faults` holds against the database: each fault it looks for is planted once, and found."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from benchmarks._ledger import Ledger, look
from models.runtime import Runtime
from models.steps import ingest, queue, review
from models.steps.accounts import Caller
from models.steps.projects import find_project
from models.store.tables import DecisionRow, ImportRow, JobRow, ProjectRow, VectorRow, VersionRow
from models.vocabulary import Action, JobStatus, VersionStatus
from tests.integration.conftest import Drain, texts

ROWS = 60
ON_ONE = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture
def worked(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> tuple[str, Ledger]:
    """A project whose file was imported and in which twelve questions were answered, and what their reviewer knows."""
    path = ingest.upload_folder(runtime.settings) / "rows.txt"
    path.write_text("".join(f"{text}\n" for text, _ in texts(ROWS)))
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        name = f"uploads/{path.name}"
        ingest.start_import(session, ann, found, filename=path.name, path=name, options=ingest.ImportOptions())
    drain()
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        for leased in queue.lease(runtime, session, ann, found, 12):
            said = review.NewDecision(Action.SKIP, task_id=leased.task.id)
            review.decide(session, ann, found, said, runtime.settings)
    drain()
    with runtime.database.transaction() as session:
        _have_one_serve(session)
        return project.slug, Ledger(acknowledged=list(session.scalars(select(DecisionRow.id))))


def _have_one_serve(session: Session) -> None:
    """Nothing was trained: what the version knows does not matter here."""
    project = session.scalars(select(ProjectRow)).one()
    encoder = session.scalars(select(VectorRow.encoder_id).limit(1)).one()
    told = {"job_id": "x", "decision_high_water": 0, "audit_high_water": 0, "status": VersionStatus.SERVING}
    session.add(VersionRow(project_id=project.id, number=1, encoder_id=encoder, **told))
    project.serving_number = 1


def _first(session: Session) -> DecisionRow:
    return session.scalars(select(DecisionRow).order_by(DecisionRow.id)).first() or DecisionRow()


def _lose(session: Session, _: Ledger) -> None:
    session.execute(delete(DecisionRow).where(DecisionRow.id == _first(session).id))


def _double(session: Session, _: Ledger) -> None:
    first, second = session.scalars(select(DecisionRow).order_by(DecisionRow.id).limit(2)).all()
    second.task_id = first.task_id


def _serve_none(session: Session, _: Ledger) -> None:
    session.execute(update(ProjectRow).values(serving_number=7))


def _fail(session: Session, _: Ledger) -> None:
    row = session.scalars(select(JobRow).limit(1)).one()
    row.status = JobStatus.FAILED


def _tear(session: Session, _: Ledger) -> None:
    row = session.scalars(select(ImportRow)).one()
    row.rows_added, row.rows_duplicate = row.rows_added - 1, row.rows_duplicate + 1


def _unplace(session: Session, _: Ledger) -> None:
    session.execute(delete(VectorRow).where(VectorRow.position == 0))


PLANTED: dict[str, tuple[Callable[[Session, Ledger], None], str]] = {
    "a decision lost": (_lose, "is lost"),
    "a decision doubled": (_double, "1 decisions too many on one task"),
    "an answer given twice": (lambda _, ledger: ledger.acknowledged.append(ledger.acknowledged[0]), "1 answers twice"),
    "a task lent twice": (lambda _, ledger: ledger.twice.append("5"), "task 5 was two people's at once"),
    "no version that serves": (_serve_none, "the project says 7"),
    "a job failed": (_fail, "is failed"),
    "a row lost": (_tear, "60 items, the imports say 59"),
    "a vector lost": (_unplace, "59 vectors up to position 59 for 60 items"),
}


@ON_ONE
def test_nothing_is_said_where_nothing_is_wrong(runtime: Runtime, worked: tuple[str, Ledger]) -> None:
    figures, faults = look(runtime.database, *worked, files=1, rows_each=ROWS)
    assert faults == []
    assert (figures["decisions_stored"], figures["items"]) == (12, ROWS)


@ON_ONE
@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(runtime: Runtime, worked: tuple[str, Ledger], fault: str) -> None:
    plant, sentence = PLANTED[fault]
    with runtime.database.transaction() as session:
        plant(session, worked[1])
    _, faults = look(runtime.database, *worked, files=1, rows_each=ROWS)
    assert [sentence in found for found in faults] == [True], faults


@ON_ONE
def test_a_missing_file_is_found(runtime: Runtime, worked: tuple[str, Ledger]) -> None:
    _, faults = look(runtime.database, *worked, files=2, rows_each=ROWS)
    assert faults == ["1 imports of 2"]
