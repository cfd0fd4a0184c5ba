"""Files that come in."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api import policies
from api.deps import GatedRoute, Read, TheDatabase, TheSettings, Write, allow
from api.idempotency import KeyedUpload
from api.paging import Listing, Paged, RowId, Slug, cursor_after
from api.schemas.work import ImportOut, ImportStarted, PreviewOut
from api.throttle import RouteClass
from api.uploads import FORM, Received, Upload
from models import readers
from models.steps import ingest, projects
from models.steps.accounts import Caller
from models.steps.ingest import ImportOptions
from models.store.queries.imports import find_import, imports_page
from models.store.session import Database

router = APIRouter(prefix="/v1/projects/{slug}/imports", tags=["Data in"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_bring_in, RouteClass.READ)]
Sender = Annotated[Caller, allow(policies.may_bring_in, RouteClass.UPLOAD)]
_HEAD = 2**20


@router.post("", status_code=202, openapi_extra=FORM)
def start_import(caller: Sender, slug: Slug, upload: Received, session: Write, once: KeyedUpload) -> ImportStarted:
    """Take a file and read it in the background."""

    def start() -> ImportStarted:
        project = projects.find_project(session, caller, slug)
        row = ingest.start_import(
            session,
            caller,
            project,
            filename=upload.filename,
            path=upload.name,
            options=options_of(upload),
        )
        upload.keep()
        return ImportStarted(id=str(row.id), job_id=row.job_id)

    return once(ImportStarted, session, start, about=upload.digest)


@router.post("/preview", openapi_extra=FORM)
def preview(caller: Sender, slug: Slug, upload: Received, session: Read, settings: TheSettings) -> PreviewOut:
    """Show the first rows of a file as an import would read them; its first megabyte is enough."""
    project = projects.find_project(session, caller, slug)
    options = ingest.read_options(asdict(options_of(upload)), project, settings)
    with upload.path.open("rb") as file:
        return PreviewOut.of(readers.preview(file.read(_HEAD), upload.filename, options))


@router.get("")
def list_imports(caller: Reader, slug: Slug, session: Read, window: Paged) -> Listing[ImportOut]:
    """List a project's imports, newest first."""
    project = projects.find_project(session, caller, slug)
    page = imports_page(session, project.id, after=window.after, limit=window.limit)
    return Listing(items=[ImportOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.get("/{import_id}")
def show_import(caller: Reader, slug: Slug, import_id: RowId, session: Read) -> ImportOut:
    """Show an import and what became of its rows."""
    project = projects.find_project(session, caller, slug)
    return ImportOut.of(find_import(session, project.id, import_id))


@router.get(
    "/{import_id}/rejects",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def show_rejects(
    caller: Reader, slug: Slug, import_id: RowId, session: Read, database: TheDatabase
) -> StreamingResponse:
    """Give every rejected row as CSV: line, reason, row."""
    project = projects.find_project(session, caller, slug)
    row = find_import(session, project.id, import_id)
    headers = {"Content-Disposition": f'attachment; filename="rejects-{row.id}.csv"'}
    return StreamingResponse(_rejects(database, row.id), media_type="text/csv", headers=headers)


def options_of(upload: Upload) -> ImportOptions:
    """What the form's fields say about the file."""
    return ImportOptions(
        format=upload.field("format"),
        text_fields=upload.names("text_fields"),
        id_field=upload.field("id_field"),
        label_field=upload.field("label_field"),
        encoding=upload.field("encoding"),
        delimiter=upload.field("delimiter"),
    )


def _rejects(database: Database, import_id: int) -> Iterator[bytes]:
    """The CSV, a row at a time, from a session that lives as long as the answer."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow(["line", "reason", "row"])
    with database.read() as session:
        for reject in ingest.rejects(session, import_id):
            writer.writerow([reject.line, reject.message, reject.row])
            yield _taken(line)
    yield _taken(line)


def _taken(line: io.StringIO) -> bytes:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text.encode("utf-8", "replace")
