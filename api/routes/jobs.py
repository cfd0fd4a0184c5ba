"""Long work behind requests."""

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.downloads import Download
from api.paging import JobId
from api.schemas.work import JobOut
from api.throttle import RouteClass
from models.errors import Missing
from models.steps import batch, endings, projects
from models.steps.accounts import Caller
from models.store.tables import JobRow, ProjectRow

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"], route_class=GatedRoute)

Follower = Annotated[Caller, allow(policies.may_follow_jobs, RouteClass.READ)]
Stopper = Annotated[Caller, allow(policies.may_follow_jobs)]

_BYTES = "application/octet-stream"


@router.get("/{job_id}")
def show_job(caller: Follower, job_id: JobId, session: Read) -> JobOut:
    """Show a job and how far it is."""
    return JobOut.of(_find(session, caller, job_id))


@router.post("/{job_id}/cancel")
def cancel_job(caller: Stopper, job_id: JobId, session: Write) -> JobOut:
    """Ask a job to stop: at once where it waits, at its next step where it runs."""
    row = _find(session, caller, job_id)
    endings.cancel(session, row)
    return JobOut.of(row)


@router.get(
    "/{job_id}/result",
    response_class=FileResponse,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
def download_result(caller: Follower, job_id: JobId, session: Read, runtime: TheRuntime) -> Response:
    """Give the file that a job made."""
    row = _find(session, caller, job_id)
    name, filename = batch.result_name(row), str((row.result or {}).get("filename", "result"))
    try:
        kept = runtime.artifacts.kept(name)
        if isinstance(kept, Path):
            return Download(kept, media_type=_BYTES, filename=filename)
        size, pieces = kept
    except FileNotFoundError:
        raise Missing("The file is not kept any more.") from None
    told = {"Content-Length": str(size), "Content-Disposition": f"attachment; filename*=utf-8''{quote(filename)}"}
    return StreamingResponse(pieces, media_type=_BYTES, headers=told)


def _find(session: Session, caller: Caller, job_id: str) -> JobRow:
    """The job, if it is there for the caller: caused by it, or by anyone for managers of its project."""
    row = session.get(JobRow, job_id)
    project = None if row is None or row.project_id is None else session.get(ProjectRow, row.project_id)
    hidden = project is not None and not projects.may_see(session, caller, project)
    if row is None or hidden or not policies.may_follow_job(caller, row.actor):
        raise Missing("There is no such job.")
    return row
