"""Data out."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response, StreamingResponse

from api import policies
from api.context import Context
from api.deps import GatedRoute, Here, Read, allow
from api.paging import MayBeEmpty, Slug
from api.schemas.work import JobOut
from api.throttle import RouteClass
from models.steps import export, projects
from models.steps.accounts import Caller
from models.store.queries.counters import item_counts
from models.vocabulary import ItemState
from models.writers import ExportFormat

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Data out"], route_class=GatedRoute)

Taker = Annotated[Caller, allow(policies.may_export, RouteClass.READ)]
_LIST = {"type": "array", "items": {"type": "object"}}
_FILES = {
    form.media_type: {"schema": _LIST if form.media_type == "application/json" else {"type": "string"}}
    for form in ExportFormat
}


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {"content": _FILES},
        202: {"model": JobOut, "description": "Too many items to stream: a job writes the file."},
    },
)
def export_items(
    caller: Taker,
    slug: Slug,
    session: Read,
    context: Here,
    format: Annotated[ExportFormat, MayBeEmpty] = ExportFormat.CSV,
    state: Annotated[ItemState | None, MayBeEmpty] = None,
) -> Response:
    """Stream every item with its final category, who decided, and the prediction.

    Where there are more than the operator allows to be streamed (100,000), the answer is 202 with a job, whose
    `result.url` is the file.
    """
    project = projects.find_project(session, caller, slug)
    if item_counts(session, project.id).of(state) > context.settings.export_stream_items:
        return _later(context, caller, slug, format, state)
    headers = {"Content-Disposition": f'attachment; filename="{export.filename_of(project, format)}"'}
    rows = _pieces(context, caller, slug, format, state)
    return StreamingResponse(rows, media_type=format.media_type, headers=headers)


def _later(context: Context, caller: Caller, slug: str, form: ExportFormat, state: ItemState | None) -> Response:
    with context.database.transaction() as session:
        project = projects.find_project(session, caller, slug)
        job = JobOut.of(export.request_export(session, caller, project, form, state))
    link = f"/v1/jobs/{job.id}"
    return JSONResponse(job.model_dump(mode="json"), 202, headers={"Location": link})


def _pieces(
    context: Context, caller: Caller, slug: str, form: ExportFormat, state: ItemState | None
) -> Iterator[bytes]:
    """The file, from a session that lives as long as the answer."""
    with context.database.read() as session:
        project = projects.find_project(session, caller, slug)
        for piece, _ in export.export_pieces(context.runtime, session, project, form, state):
            yield piece
