"""What people know that they have decided, and how it is held against what the database has."""

import threading
from dataclasses import dataclass, field

from sqlalchemy import func, select

from models.store.session import Database
from models.store.tables import DecisionRow, ImportRow, ItemRow, JobRow, ProjectRow, VectorRow, VersionRow
from models.vocabulary import Action, JobStatus, VersionStatus


@dataclass
class Ledger:
    """What the reviewers know.

    Attributes:
        acknowledged: ids of the decisions that the API has said it has.
        held: who holds a task as far as was answered: the person, when the answer came, and until when; both as
            `time.monotonic` counts.
        twice: tasks that were given to two people at once.
        refused: decisions that the API did not want, such as those whose lease had ended.
        faults: what was answered that never should be.
    """

    acknowledged: list[int] = field(default_factory=list)
    held: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def look(database: Database, slug: str, ledger: Ledger, files: int, rows_each: int) -> tuple[dict[str, int], list[str]]:
    """What is in the database, and what of it should not be so.

    Args:
        files: how many files of `rows_each` rows were imported.
    """
    faults = [*ledger.faults, *(f"task {one} was two people's at once" for one in ledger.twice)]
    with database.read() as session:
        project = session.scalars(select(ProjectRow).where(ProjectRow.slug == slug)).one()
        rows = session.execute(
            select(DecisionRow.id, DecisionRow.task_id).where(DecisionRow.action.in_([Action.ACCEPT, Action.SKIP]))
        ).all()
        stored, tasks = {row.id for row in rows}, [row.task_id for row in rows]
        faults += [f"decision {one} is lost" for one in ledger.acknowledged if one not in stored]
        faults += [f"{one} decisions too many on one task" for one in [len(tasks) - len(set(tasks))] if one]
        faults += [f"{one} answers twice" for one in [len(ledger.acknowledged) - len(set(ledger.acknowledged))] if one]
        versions = session.scalars(select(VersionRow)).all()
        serving = [row.number for row in versions if row.status is VersionStatus.SERVING]
        if serving != [project.serving_number]:
            faults.append(f"versions {serving} say that they serve, the project says {project.serving_number}")
        if len({row.job_id for row in versions}) != len(versions):
            faults.append("a training job made two versions")
        ended = session.execute(select(JobRow.kind, JobRow.status).where(JobRow.status != JobStatus.SUCCEEDED)).all()
        faults += [f"a job {kind} is {status}" for kind, status in ended]
        imports = session.scalars(select(ImportRow)).all()
        faults += [
            f"import {row.id} read {row.rows_read} rows of {rows_each}" for row in imports if row.rows_read != rows_each
        ]
        if len(imports) < files:
            faults.append(f"{len(imports)} imports of {files}")
        items = session.scalar(select(func.count()).select_from(ItemRow)) or 0
        if items != sum(row.rows_added for row in imports):
            faults.append(f"{items} items, the imports say {sum(row.rows_added for row in imports)}")
        vectors, last = session.execute(select(func.count(), func.max(VectorRow.position))).one()
        if (vectors, last) != (items, items - 1):
            faults.append(f"{vectors} vectors up to position {last} for {items} items")
    return {"decisions_stored": len(stored), "versions": len(versions), "items": items}, faults
