"""Step 1: files and records come in. Every row is added, a duplicate, or rejected with its place and reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Missing
from models.readers import ReadOptions, Record, RowError, open_rows, records
from models.settings import Settings
from models.steps.accounts import SYSTEM, Caller, record
from models.steps.decisions import announce as announce_decision
from models.steps.decisions import put_arrivals, train_when_enough
from models.steps.items import NewItem, Stored, store
from models.steps.labels import bad_label, labels_of_file, labels_of_records
from models.steps.projects import settings_of
from models.steps.queue import settle
from models.steps.webhooks import forget_items, publish
from models.store.tables import DecisionRow, ImportRow, ItemRow, PredictionRow, ProjectRow, RejectRow, VectorRow
from models.store.words import forgetting
from models.vocabulary import Event, ItemState, Job, JobStatus
from models.work import SliceOver, Work

BLOCK_ROWS, BLOCK_CHARS = 5_000, 4_000_000
"""About so many rows, or so much of the file, are stored in one transaction: memory and the time that others wait do
not grow with the file."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the sender of a file said about it; None means: find out."""

    format: str | None = None
    text_fields: tuple[str, ...] = ()
    id_field: str | None = None
    label_field: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


def start_import(
    session: Session, caller: Caller, project: ProjectRow, *, filename: str, path: str, options: ImportOptions
) -> ImportRow:
    """Take charge of a file.

    Args:
        filename: what the sender calls it.
        path: where it was put, relative to the artifacts.
    """
    row = ImportRow(
        project_id=project.id,
        filename=filename[-255:],
        path=path,
        options={
            "format": options.format,
            "text_fields": list(options.text_fields),
            "id_field": options.id_field,
            "label_field": options.label_field,
            "encoding": options.encoding,
            "delimiter": options.delimiter,
        },
        actor=caller.key,
        job_id="",
    )
    session.add(row)
    session.flush()
    row.job_id = jobs.enqueue(
        session,
        Job.IMPORT,
        key=f"import:{row.id}",
        project_id=project.id,
        payload={"import_id": row.id},
        actor=caller.key,
    ).id
    record(session, caller, "import.start", f"{project.slug}/{row.id}", {"filename": row.filename})
    return row


def run_import(work: Work) -> None:
    """Read the file from where the last attempt stopped; commit block by block."""
    settings = work.runtime.settings
    with work.runtime.database.read() as session:
        found = session.get(ImportRow, work.claim.payload["import_id"])
        project = session.get(ProjectRow, work.project_id)
    if found is None or project is None:
        raise Missing("the import or its project was deleted")
    path = work.runtime.artifacts.fetched(found.path)
    if not path.is_file():
        raise Missing(f"{found.filename} is not kept here any more: send it again")
    done = found.rows_read
    outcomes = work.runtime.half_read.take(path, done)
    note = found.note
    if outcomes is None:
        options = read_options(found.options, project, settings)
        opened = open_rows(lambda: path.open("rb"), found.filename, options)
        outcomes, note = records(opened, options, skip=done), opened.note
    while block := _block(outcomes):
        done += len(block)
        with work.advancing(done, durable=False) as session:
            _take(session, found.id, project.id, block, note)
            jobs.enqueue(session, Job.EMBED, key=f"embed:{project.id}", project_id=project.id)
        try:
            work.pause()
        except SliceOver:
            work.runtime.half_read.put(path, done, outcomes)
            raise
    with work.completing({"import_id": str(found.id)}) as session:
        row = session.get_one(ImportRow, found.id)
        row.status = JobStatus.SUCCEEDED
        announce(session, row)
        train_when_enough(session, SYSTEM, project, settings_of(project))
    work.runtime.artifacts.remove(found.path)


def announce(session: Session, row: ImportRow) -> None:
    """Tell webhooks that an import ended."""
    publish(
        session,
        row.project_id,
        Event.IMPORT_FINISHED,
        lambda: {
            "import_id": str(row.id),
            "filename": row.filename,
            "status": row.status.value,
            "rows_read": row.rows_read,
            "rows_added": row.rows_added,
            "rows_duplicate": row.rows_duplicate,
            "rows_rejected": row.rows_rejected,
            "error": row.error,
        },
    )


def read_options(given: dict[str, Any], project: ProjectRow, settings: Settings) -> ReadOptions:
    """How to read a file: what its sender said, then what the project says, then the operator's bounds."""
    return replace(
        read_bounds(settings),
        format=given["format"],
        text_fields=tuple(given["text_fields"]),
        preferred_fields=tuple(project.text_fields),
        id_field=given["id_field"],
        label_field=given["label_field"],
        encoding=given["encoding"],
        delimiter=given["delimiter"],
    )


def read_bounds(settings: Settings) -> ReadOptions:
    """What the operator allows of a file, whoever brings it."""
    return ReadOptions(
        max_text_chars=settings.max_text_chars,
        max_cell_chars=settings.max_cell_chars,
        max_unpacked_bytes=settings.max_upload_mb * 4 * 2**20,
    )


def add_items(session: Session, caller: Caller, project: ProjectRow, items: Sequence[NewItem]) -> list[Stored]:
    """Store records that came in a request; those with a category are decided by it.

    Raises:
        BadReference: a category is unknown; nothing is stored.
    """
    labels = labels_of_records(session, project, items)
    stored = store(session, project.id, items)
    _label(session, caller, project.id, [(one, labels[place]) for place, one in enumerate(stored) if place in labels])
    if any(one.added for one in stored):
        jobs.enqueue(session, Job.EMBED, key=f"embed:{project.id}", project_id=project.id)
    if labels:
        train_when_enough(session, caller, project, settings_of(project))
    return stored


def _label(session: Session, caller: Caller, project_id: int, arrived: Sequence[tuple[Stored, Sequence[int]]]) -> None:
    """Decide what arrived with categories. An item that was there has them too, unless somebody has decided it."""
    put_arrivals(session, caller, project_id, [(one.item_id, ids) for one, ids in arrived if one.added])
    known = {one.item_id: ids for one, ids in reversed(arrived) if not one.added}  # of several rows the first counts
    if not known:
        return
    undecided = session.scalars(
        select(ItemRow)
        .where(ItemRow.id.in_(known), ItemRow.state == ItemState.UNDECIDED)
        .order_by(ItemRow.id)
        .with_for_update(key_share=True, skip_locked=True)  # whoever decides one at this moment goes before
        .execution_options(populate_existing=True)
    ).all()
    put_arrivals(session, caller, project_id, [(item.id, known[item.id]) for item in undecided])
    settle(session, [item.id for item in undecided])
    for item in undecided:
        session.refresh(item)
        if not announce_decision(session, item, session.get_one(DecisionRow, item.decision_id)):
            break  # nobody listens


def find_item(session: Session, project: ProjectRow, item_id: int, *, lock: dict[str, bool] | None = None) -> ItemRow:
    """An item of this project. Raises Missing.

    Args:
        lock: keep it from others until the end of the transaction, as `with_for_update` has it.
    """
    row = session.get(ItemRow, item_id, with_for_update=lock, populate_existing=lock is not None)
    if row is None or row.project_id != project.id:
        raise Missing(f"the project has no item {item_id}")
    return row


def erase_item(session: Session, caller: Caller, project: ProjectRow, item_id: int) -> None:
    """Erase an item everywhere. Its vector's place stays, empty; local copies are made anew without it."""
    erase_items(session, caller, project, [item_id])


def erase_items(session: Session, caller: Caller, project: ProjectRow, item_ids: Sequence[int]) -> None:
    """As `erase_item`, for several."""
    session.refresh(project, with_for_update={"key_share": True})  # two at once must count as two
    for item_id in item_ids:
        _erase(session, caller, project, item_id)
    if item_ids:
        forget_items(session, project.id, item_ids)


def _erase(session: Session, caller: Caller, project: ProjectRow, item_id: int) -> None:
    item = find_item(session, project, item_id)
    for vector in session.scalars(select(VectorRow).where(VectorRow.item_id == item.id)):
        vector.item_id, vector.data = -item.id, bytes(len(vector.data))
    # A program may have asked about the record before or after it became an item: its words are in that log too.
    same = [PredictionRow.item_id == item.id, PredictionRow.text == item.text]
    if item.external_id is not None:
        same.append(PredictionRow.external_id == item.external_id)
    session.execute(delete(PredictionRow).where(PredictionRow.project_id == project.id, or_(*same)))
    with forgetting(session):
        session.delete(item)
    project.erasures += 1
    session.add(project)
    record(session, caller, "item.erase", f"{project.slug}/{item_id}")
    session.flush()


def _block(outcomes: Iterator[Record | RowError]) -> list[tuple[Record, NewItem] | RowError]:
    """The next rows, made ready before a transaction is begun."""
    block: list[tuple[Record, NewItem] | RowError] = []
    chars = 0
    for one in islice(outcomes, BLOCK_ROWS):
        if isinstance(one, RowError):
            block.append(one)
        else:
            block.append((one, NewItem(one.text, one.fields, one.external_id)))
            chars += one.chars
            if chars > BLOCK_CHARS:
                break
    return block


def _take(
    session: Session,
    import_id: int,
    project_id: int,
    block: Sequence[tuple[Record, NewItem] | RowError],
    note: str | None,
) -> None:
    row = session.get_one(ImportRow, import_id, with_for_update=True)
    project = session.get_one(ProjectRow, project_id)
    errors = [outcome for outcome in block if isinstance(outcome, RowError)]
    records = [outcome for outcome in block if not isinstance(outcome, RowError)]
    labels, faults = labels_of_file(session, project, dict.fromkeys(record.label for record, _ in records))
    if faults:
        errors += [bad_label(record, faults[record.label]) for record, _ in records if record.label in faults]
        records = [(record, item) for record, item in records if record.label not in faults]
    so_far_new = not row.rows_duplicate  # in vain at one block of a file at most
    stored = store(session, project.id, [item for _, item in records], import_id=import_id, all_new=so_far_new)
    if labels:
        arrived = [
            (outcome, labels[record.label])
            for (record, _), outcome in zip(records, stored, strict=True)
            if record.label in labels
        ]
        _label(session, Caller(key=row.actor, name=row.filename[:100], role=SYSTEM.role), project.id, arrived)
    if errors:
        session.execute(insert(RejectRow), [_reject(import_id, error) for error in errors])
    added = sum(outcome.added for outcome in stored)
    row.status = JobStatus.RUNNING
    if row.note != note:
        row.options = {**row.options, "note": note}
    row.rows_added += added
    row.rows_duplicate += len(stored) - added
    row.rows_rejected += len(errors)


def _reject(import_id: int, error: RowError) -> dict[str, Any]:
    return {
        "import_id": import_id,
        "line": error.line,
        "column": error.column,
        "code": error.code,
        "message": error.message,
        "row": error.row.replace("\x00", "�"),
    }


def rejects(session: Session, import_id: int) -> Iterator[RejectRow]:
    """An import's rejected rows in the order of their lines, read as they are wanted."""
    query = select(RejectRow).where(RejectRow.import_id == import_id).order_by(RejectRow.line, RejectRow.id)
    yield from session.scalars(query.execution_options(yield_per=1000))


def upload_folder(settings: Settings) -> Path:
    """Where uploads wait for their import."""
    folder = settings.artifacts / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
