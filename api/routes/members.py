"""Members of a project: for whom it exists, where it is for members only."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, Read, Write, allow
from api.paging import Listing, RowId, Slug, Wide, cursor_after
from api.schemas.projects import MemberOut
from api.throttle import RouteClass
from models.steps import projects
from models.steps.accounts import Caller
from models.store.queries.accounts import members_page

router = APIRouter(prefix="/v1/projects/{slug}/members", tags=["Projects"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_manage_projects, RouteClass.READ)]
Manager = Annotated[Caller, allow(policies.may_manage_projects)]


@router.get("")
def list_members(caller: Reader, slug: Slug, session: Read, window: Wide) -> Listing[MemberOut]:
    """List a project's members by name."""
    project = projects.find_project(session, caller, slug)
    page = members_page(session, project.id, after=window.after, limit=window.limit)
    return Listing(items=[MemberOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.put("/{user_id}", status_code=204)
def put_member(caller: Manager, slug: Slug, user_id: RowId, session: Write) -> None:
    """Make a person a member; twice is the same as once."""
    projects.put_member(session, caller, projects.find_project(session, caller, slug), user_id)


@router.delete("/{user_id}", status_code=204)
def remove_member(caller: Manager, slug: Slug, user_id: RowId, session: Write) -> None:
    """End a membership."""
    projects.remove_member(session, caller, projects.find_project(session, caller, slug), user_id)
