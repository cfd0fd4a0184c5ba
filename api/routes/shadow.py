"""The version in shadow: put there, taken back, and how far it differs from the one that serves."""

from typing import Annotated

from fastapi import APIRouter, Path

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.paging import Slug
from api.schemas.shadow import ShadowOut
from api.throttle import RouteClass
from models.steps import projects, shadow
from models.steps.accounts import Caller

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Models"], route_class=GatedRoute)

Promoter = Annotated[Caller, allow(policies.may_promote)]
Reader = Annotated[Caller, allow(policies.may_see_trends, RouteClass.READ)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post("/models/{number}/shadow")
def put_in_shadow(caller: Promoter, slug: Slug, number: Number, session: Write, runtime: TheRuntime) -> ShadowOut:
    """Let a version answer beside the serving one: its answers are kept, and callers do not hear them."""
    project = projects.find_project(session, caller, slug)
    shadow.begin(session, caller, project, number)
    return ShadowOut.of(shadow.disagreement(runtime, session, project))


@router.delete("/models/{number}/shadow", status_code=204)
def take_out_of_shadow(caller: Promoter, slug: Slug, number: Number, session: Write) -> None:
    """Let it answer no more."""
    shadow.end(session, caller, projects.find_project(session, caller, slug), number)


@router.get("/shadow")
def show_shadow(caller: Reader, slug: Slug, session: Read, runtime: TheRuntime) -> ShadowOut:
    """Show how far the version in shadow and the serving one differ on what both were asked."""
    return ShadowOut.of(shadow.disagreement(runtime, session, projects.find_project(session, caller, slug)))
