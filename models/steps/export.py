"""Data out: every item with its final category, who decided, and what the machine says."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from models import jobs
from models.pool.scores import Scores
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.accounts import Caller, record
from models.steps.score import scored
from models.store.queries.counters import item_counts
from models.store.queries.decisions import names_of
from models.store.queries.items import every_item
from models.store.queries.projects import categories_of
from models.store.tables import JobRow, ProjectRow
from models.vocabulary import ItemState, Job, TaskKind
from models.work import Stopped, Work
from models.writers import ExportFormat, export_writer

COLUMNS = {
    "id": "string",
    "external_id": "string",
    "text": "string",
    "state": "string",
    "category": "string",
    "decided_by": "string",
    "source": "string",
    "decided_at": "time",
    "predicted_category": "string",
    "confidence": "double",
    "model_version": "int64",
    "fields": "string",
}
"""What each item has in an export, and what a Parquet column keeps of it; see `models.writers.parquet`."""

_PIECE = 64 * 1024
_REPORT_ROWS = 5_000
_NONE: Sequence[str] = ()


def request_export(
    session: Session, caller: Caller, project: ProjectRow, form: ExportFormat, state: ItemState | None = None
) -> JobRow:
    """Have an export written to a file. While one like it waits, that one is it."""
    wanted = state.value if state is not None else None
    record(session, caller, "export.start", project.slug, {"format": form.value, "state": wanted})
    return jobs.enqueue(
        session,
        Job.EXPORT,
        key=f"export:{project.id}:{form.value}:{wanted}:{caller.key}",
        project_id=project.id,
        payload={"format": form.value, "state": wanted, "filename": filename_of(project, form)},
        total=item_counts(session, project.id).of(state),
        actor=caller.key,
    )


def run_export(work: Work) -> None:
    """Write the file. Nothing is seen of it before it is whole."""
    runtime, payload = work.runtime, work.claim.payload
    form = ExportFormat(payload["format"])
    state = None if payload["state"] is None else ItemState(payload["state"])
    place = f"results/{work.claim.id}-{work.claim.token}"
    target = runtime.artifacts.making(place)
    done = reported = 0
    try:
        with runtime.database.read() as session, target.open("wb") as file:
            project = session.get_one(ProjectRow, work.project_id)
            for piece, done in export_pieces(runtime, session, project, form, state):
                file.write(piece)
                if done - reported >= _REPORT_ROWS:
                    reported = done
                    _report(work, done)
        with work.advancing(done, done):
            pass
        runtime.artifacts.publish(place)
        result = {"path": place, "filename": payload["filename"], "url": f"/v1/jobs/{work.claim.id}/result"}
        with work.completing({**result, "rows": done}):
            pass
    except BaseException:
        runtime.artifacts.remove(place)
        raise


def export_pieces(
    runtime: Runtime, session: Session, project: ProjectRow, form: ExportFormat, state: ItemState | None = None
) -> Iterator[tuple[bytes, int]]:
    """The file in pieces of some size, each with how many rows were read for it so far."""
    several = project.task is TaskKind.MULTI
    columns = COLUMNS | ({"category": "strings"} if several else {})
    names = [row.name for row in categories_of(session, project.id, archived=False)]
    out = export_writer(form, columns, categories=names, several=several)
    pending, done = bytearray(out.header()), 0
    for row in export_rows(runtime, session, project, state):
        pending += out.row(row)
        done += 1
        if len(pending) >= _PIECE:
            yield bytes(pending), done
            pending.clear()
    yield bytes(pending + out.footer()), done


def filename_of(project: ProjectRow, form: ExportFormat) -> str:
    """What an export is called."""
    tool = "" if form.value == form.suffix else f"-{form.value}"
    return f"{project.slug}{tool}.{form.suffix}"


def export_rows(
    runtime: Runtime, session: Session, project: ProjectRow, state: ItemState | None = None
) -> Iterator[dict[str, Any]]:
    """Every item as a row of `COLUMNS`, by rising id, read as they are wanted.

    `category` is a name, for `multi` projects a list of names; None where nobody has decided.
    """
    found = scored(runtime, session, project)
    names = {row.id: row.name for row in categories_of(session, project.id)}
    several = project.task is TaskKind.MULTI
    serving, nothing = project.serving_number, (None, None)
    for block in every_item(session, project.id, state):
        given = names_of(session, [row[5] for row in block if row[5] is not None])
        said = {} if found is None else _said(*found, names, [row[0] for row in block])
        for item_id, external_id, text, fields, told_state, decision_id, actor, source, decided_at in block:
            categories = _NONE if decision_id is None else given.get(decision_id, _NONE)
            predicted, confidence = said.get(item_id, nothing)
            yield {
                "id": str(item_id),
                "external_id": external_id,
                "text": text,
                "state": told_state,
                "category": list(categories) if several else (categories[0] if categories else None),
                "decided_by": actor,
                "source": source,
                "decided_at": decided_at.isoformat().replace("+00:00", "Z") if decided_at else None,
                "predicted_category": predicted,
                "confidence": confidence,
                "model_version": serving if item_id in said else None,
                "fields": {} if fields == "{}" else json.loads(fields),
            }


def _said(
    pool: Pool, scores: Scores, names: dict[int, str], item_ids: list[int]
) -> dict[int, tuple[str | None, float | None]]:
    """The category and confidence of those of some items that are in the pool."""
    places = pool.places(np.asarray(item_ids, np.int64))
    return {
        item_id: (names.get(category), round(confidence, 4))
        for item_id, category, confidence in zip(
            pool.item_ids[places].tolist(),
            scores.category[places].tolist(),
            scores.confidence[places].tolist(),
            strict=True,
        )
    }


def _report(work: Work, done: int) -> None:
    if work.cancel_requested:
        raise Stopped
    with work.advancing(done):
        pass
