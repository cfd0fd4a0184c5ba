"""Versions: trained, compared, promoted, rolled back."""

from typing import Annotated

from fastapi import APIRouter, Path

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, Slug, cursor_after
from api.schemas.versions import ComparisonOut, PromoteIn, VersionDetail, VersionOut
from api.schemas.work import JobOut
from api.throttle import RouteClass
from models.steps import comparison, projects, register, reproduce, train
from models.steps.accounts import Caller
from models.store.queries.versions import encoder_names, find_version, versions_page

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Models"], route_class=GatedRoute)

Trainer = Annotated[Caller, allow(policies.may_train)]
Promoter = Annotated[Caller, allow(policies.may_promote)]
Reader = Annotated[Caller, allow(policies.may_see_trends, RouteClass.READ)]
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]


@router.post("/train", status_code=202)
def start_training(caller: Trainer, slug: Slug, session: Write, once: Keyed) -> JobOut:
    """Train a version from all decisions so far; 409 where there is too little to learn from."""

    def start() -> JobOut:
        project = projects.find_project(session, caller, slug)
        return JobOut.of(train.request_training(session, caller, project))

    return once(JobOut, session, start)


@router.get("/models")
def list_versions(caller: Reader, slug: Slug, session: Read, window: Paged) -> Listing[VersionOut]:
    """List the versions, newest first."""
    project = projects.find_project(session, caller, slug)
    page = versions_page(session, project.id, after=window.after, limit=window.limit)
    encoders = encoder_names(session)
    return Listing(items=[VersionOut.of(row, encoders) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.post("/models/rollback")
def rollback(caller: Promoter, slug: Slug, session: Write, body: PromoteIn | None = None) -> VersionOut:
    """Let the version serve again that served before this one."""
    project = projects.find_project(session, caller, slug)
    row = register.rollback(session, caller, project, None if body is None else body.reason)
    return VersionOut.zero(serving=True) if row is None else VersionOut.of(row, encoder_names(session))


@router.get("/models/{number}")
def show_version(caller: Reader, slug: Slug, number: Number, session: Read) -> VersionDetail:
    """Show a version with precision, recall and support by category, and the confusion counts."""
    project = projects.find_project(session, caller, slug)
    return VersionDetail.about(find_version(session, project, number), encoder_names(session))


@router.post("/models/{number}/reproduce", status_code=202)
def start_reproduction(caller: Trainer, slug: Slug, number: Number, session: Write, once: Keyed) -> JobOut:
    """Make a version again from its snapshot; the job's `result` says whether it is the same, byte for byte."""

    def start() -> JobOut:
        project = projects.find_project(session, caller, slug)
        return JobOut.of(reproduce.request_reproduction(session, caller, project, number))

    return once(JobOut, session, start)


@router.post("/models/{number}/promote")
def promote(caller: Promoter, slug: Slug, number: Number, session: Write, body: PromoteIn | None = None) -> VersionOut:
    """Let a version serve from now on, in every process."""
    project = projects.find_project(session, caller, slug)
    row = register.promote(session, caller, project, number, None if body is None else body.reason)
    return VersionOut.zero(serving=True) if row is None else VersionOut.of(row, encoder_names(session))


@router.get("/models/{a}/compare/{b}")
def compare(caller: Reader, slug: Slug, a: Number, b: Number, session: Read, runtime: TheRuntime) -> ComparisonOut:
    """Hold two versions (0: the categories' names) against the same blind audits and the same pool."""
    project = projects.find_project(session, caller, slug)
    return ComparisonOut.of(comparison.compare(runtime, session, project, a, b))
