"""For those who answer for it: what people did, where versions come from, what was erased, who did what."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, allow
from api.filters import Words
from api.paging import Listing, MayBeEmpty, Paged, Slug, cursor_after
from api.schemas.insight import CheckedOut, ErasedOut, LineageOut, LogOut, ThroughputOut
from api.throttle import RouteClass
from models.steps import erasure, lineage, projects, throughput
from models.steps.accounts import Caller
from models.store.queries.accounts import actor_names
from models.store.queries.work import audit_log_page

router = APIRouter(prefix="/v1", tags=["Accountability"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_see_trends, RouteClass.READ)]
Eraser = Annotated[Caller, allow(policies.may_erase_items, RouteClass.READ)]
Taker = Annotated[Caller, allow(policies.may_export, RouteClass.READ)]
Auditor = Annotated[Caller, allow(policies.may_read_audit_log, RouteClass.READ)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/projects/{slug}/throughput")
def show_throughput(
    caller: Reader,
    slug: Slug,
    session: Read,
    days: Annotated[int, Query(ge=1, le=365, description="How far back, today included."), MayBeEmpty] = 30,
) -> ThroughputOut:
    """Show what reviewers decided by day, and how long a decision takes them."""
    return ThroughputOut.of(throughput.throughput(session, projects.find_project(session, caller, slug), days))


@router.get("/projects/{slug}/models/{number}/lineage")
def show_lineage(caller: Reader, slug: Slug, number: Number, session: Read) -> LineageOut:
    """Show whose decisions a version learnt from, and when it served."""
    found = lineage.lineage(session, projects.find_project(session, caller, slug), number)
    return LineageOut.of(found, actor_names(session, [move.actor for move in found.moves]))


@router.get("/projects/{slug}/models/{number}/audited")
def list_audited(caller: Reader, slug: Slug, number: Number, session: Read, runtime: TheRuntime) -> Listing[CheckedOut]:
    """List the blind audits that a version did not learn from, newest first, with what it answers to each."""
    project = projects.find_project(session, caller, slug)
    return Listing(items=[CheckedOut.of(one) for one in lineage.checked(runtime, session, project, number)])


@router.get(
    "/projects/{slug}/models/{number}/bundle",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def download_bundle(caller: Taker, slug: Slug, number: Number, session: Read, runtime: TheRuntime) -> Response:
    """Take a version's files along: a zip of the manifest and the numbers."""
    project = projects.find_project(session, caller, slug)
    name = f"{project.slug}-version-{number}.zip"
    return Response(
        lineage.bundle_as_zip(runtime, session, project, number),
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/projects/{slug}/erasures")
def list_erasures(caller: Eraser, slug: Slug, session: Read, window: Paged) -> Listing[ErasedOut]:
    """List the items that were erased, newest first, with what is left of each now."""
    project = projects.find_project(session, caller, slug)
    found, following = erasure.erasures(session, project, after=window.after, limit=window.limit)
    names = actor_names(session, [one.actor for one in found])
    return Listing(items=[ErasedOut.of(one, names) for one in found], next_cursor=cursor_after(following))


@router.get("/audit-log")
def list_audit_log(
    _: Auditor,
    session: Read,
    window: Paged,
    action: Annotated[Words, Query(description="The beginning of the action's name, e.g. `item.`")] = None,
    subject: Annotated[Words, Query(description="The beginning of what it was done to.")] = None,
) -> Listing[LogOut]:
    """List who did what to what, newest first. It holds ids and names, never texts of items."""
    page = audit_log_page(session, after=window.after, limit=window.limit, action=action, subject=subject)
    names = actor_names(session, [row.actor for row in page.rows])
    return Listing(items=[LogOut.of(row, names) for row in page.rows], next_cursor=cursor_after(page.next_after))
