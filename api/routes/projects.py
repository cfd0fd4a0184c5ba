"""Projects."""

from typing import Annotated

from fastapi import APIRouter, Response

from api import policies
from api.conditional import If, tagged
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, Slug, cursor_after
from api.schemas.projects import NewProject, ProjectChanges, ProjectOut, named
from api.schemas.stats import StatsOut
from api.throttle import RouteClass
from models.steps import monitor, projects
from models.steps.accounts import Caller
from models.store.queries.categories import categories_by_project
from models.store.queries.projects import categories_of, projects_for
from models.vocabulary import Role

router = APIRouter(prefix="/v1/projects", tags=["Projects"], route_class=GatedRoute)

Viewer = Annotated[Caller, allow(policies.may_see_projects, RouteClass.READ)]
Browser = Annotated[Caller, allow(policies.may_browse, RouteClass.READ)]
Manager = Annotated[Caller, allow(policies.may_manage_projects)]


@router.get("")
def list_projects(caller: Viewer, session: Read, window: Paged) -> Listing[ProjectOut]:
    """List the projects that exist for the caller."""
    page = projects_for(
        session,
        caller.user_id,
        everything=caller.role is Role.ADMIN,
        after=window.after,
        limit=window.limit,
    )
    categories = categories_by_project(session, [row.id for row in page.rows])
    return Listing(
        items=[ProjectOut.of(row, categories.get(row.id, [])) for row in page.rows],
        next_cursor=cursor_after(page.next_after),
    )


@router.post("", status_code=201)
def create_project(caller: Manager, body: NewProject, session: Write, once: Keyed, response: Response) -> ProjectOut:
    """Make a project."""

    def make() -> ProjectOut:
        row = projects.create_project(
            session,
            caller,
            name=body.name,
            slug=body.slug,
            task=body.task,
            text_fields=body.text_fields,
            categories=[category.plan() for category in body.categories],
            settings=named(body.settings),
        )
        return ProjectOut.of(row, categories_of(session, row.id))

    return tagged(response, once(ProjectOut, session, make))


@router.get("/{slug}")
def show_project(caller: Viewer, slug: Slug, session: Read, condition: If) -> ProjectOut:
    """Show a project with its categories."""
    row = projects.find_project(session, caller, slug)
    return condition.tag(ProjectOut.of(row, categories_of(session, row.id)))


@router.patch("/{slug}")
def change_project(caller: Manager, slug: Slug, body: ProjectChanges, session: Write, condition: If) -> ProjectOut:
    """Change a project; settings that are left out keep their values."""
    row = projects.find_project(session, caller, slug)
    session.refresh(row, with_for_update=True)
    condition.check(ProjectOut.of(row, categories_of(session, row.id)))
    projects.update_project(
        session, caller, row, name=body.name, text_fields=body.text_fields, settings=named(body.settings)
    )
    return condition.tag(ProjectOut.of(row, categories_of(session, row.id)))


@router.delete("/{slug}", status_code=204)
def delete_project(caller: Manager, slug: Slug, session: Write, condition: If) -> None:
    """Delete a project with everything in it."""
    row = projects.find_project(session, caller, slug)
    condition.check(ProjectOut.of(row, categories_of(session, row.id)))
    projects.delete_project(session, caller, row)


@router.get("/{slug}/stats")
def stats(caller: Browser, slug: Slug, session: Read, runtime: TheRuntime) -> StatsOut:
    """Show a project at a glance: items, queue, decisions, training, accuracy, automation."""
    row = projects.find_project(session, caller, slug)
    return StatsOut.model_validate(monitor.stats(runtime, session, row))
