"""Categories of a project, what is done to them, and what they are."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import policies
from api.conditional import If, tagged
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, Paged, RowId, Slug, Wide, cursor_after
from api.schemas.categories import CategoryChangeIn, CategoryChangeOut, GuidelineOut, MadeOut
from api.schemas.projects import CategoryChanges, CategoryIn, CategoryOut
from api.throttle import RouteClass
from models.steps import categories, guidelines, projects
from models.steps.accounts import Caller
from models.store.queries.categories import categories_page, changes_page

router = APIRouter(prefix="/v1/projects/{slug}/categories", tags=["Projects"], route_class=GatedRoute)

history = APIRouter(prefix="/v1/projects/{slug}/category-changes", tags=["Projects"], route_class=GatedRoute)

Browser = Annotated[Caller, allow(policies.may_browse, RouteClass.READ)]
Viewer = Annotated[Caller, allow(policies.may_see_projects, RouteClass.READ)]
Manager = Annotated[Caller, allow(policies.may_manage_categories)]


@router.get("")
def list_categories(caller: Viewer, slug: Slug, session: Read, window: Wide) -> Listing[CategoryOut]:
    """List every category of a project, archived ones among them, in the order they were made."""
    project = projects.find_project(session, caller, slug)
    page = categories_page(session, project.id, after=window.after, limit=window.limit)
    return Listing(items=[CategoryOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@router.post("", status_code=201)
def add_category(
    caller: Manager, slug: Slug, body: CategoryIn, session: Write, once: Keyed, response: Response
) -> CategoryOut:
    """Add a category. A good description makes the first predictions better."""

    def make() -> CategoryOut:
        project = projects.find_project(session, caller, slug)
        row = projects.add_category(session, caller, project, body.plan())
        if body.parent_id is not None:
            changes = {"parent_id": body.parent_id}
            row = projects.update_category(session, caller, project, row.id, changes)
        return CategoryOut.of(row)

    return tagged(response, once(CategoryOut, session, make))


@router.get("/{category_id}")
def show_category(caller: Viewer, slug: Slug, category_id: RowId, session: Read, condition: If) -> CategoryOut:
    """Show a category."""
    project = projects.find_project(session, caller, slug)
    return condition.tag(CategoryOut.of(projects.find_category(session, project, category_id)))


@router.patch("/{category_id}")
def change_category(
    caller: Manager, slug: Slug, category_id: RowId, body: CategoryChanges, session: Write, condition: If
) -> CategoryOut:
    """Change a category's name, description, parent, shortcut, or whether it is archived."""
    project = projects.find_project(session, caller, slug)
    session.refresh(project, with_for_update=True)
    condition.check(CategoryOut.of(projects.find_category(session, project, category_id)))
    return condition.tag(CategoryOut.of(projects.update_category(session, caller, project, category_id, body.given())))


@router.delete("/{category_id}", status_code=204)
def delete_category(caller: Manager, slug: Slug, category_id: RowId, session: Write, condition: If) -> None:
    """Remove a category; one with decisions is archived, never erased."""
    project = projects.find_project(session, caller, slug)
    condition.check(CategoryOut.of(projects.find_category(session, project, category_id)))
    projects.delete_category(session, caller, project, category_id)


@router.post("/{category_id}/changes")
def change_one(
    caller: Manager,
    slug: Slug,
    category_id: RowId,
    body: CategoryChangeIn,
    session: Write,
    runtime: TheRuntime,
    once: Keyed,
    *,
    dry_run: Annotated[bool, Query(description="Say what it would mean, and change nothing.")] = False,
) -> MadeOut:
    """Edit, merge or split a category. Nothing of its history is lost, and the change can be taken back."""

    def make() -> MadeOut:
        project = projects.find_project(session, caller, slug)
        made, effect = categories.change(runtime, session, caller, project, category_id, body.wanted())
        return MadeOut.of(category_id, made, effect)

    if dry_run:
        project = projects.find_project(session, caller, slug)
        effect = categories.preview(session, project, category_id, body.wanted())
        return MadeOut.of(category_id, None, effect)
    return once(MadeOut, session, make)


@router.get("/{category_id}/guideline")
def show_guideline(caller: Browser, slug: Slug, category_id: RowId, session: Read, runtime: TheRuntime) -> GuidelineOut:
    """Show a category as people use it: its words, examples for and against, open questions."""
    project = projects.find_project(session, caller, slug)
    return GuidelineOut.of(guidelines.guideline(runtime, session, project, category_id))


@history.get("")
def list_changes(caller: Manager, slug: Slug, window: Paged, session: Read) -> Listing[CategoryChangeOut]:
    """List what was done to a project's categories, newest first, changes taken back among them."""
    project = projects.find_project(session, caller, slug)
    page = changes_page(session, project.id, after=window.after, limit=window.limit)
    return Listing(items=[CategoryChangeOut.of(row) for row in page.rows], next_cursor=cursor_after(page.next_after))


@history.delete("/{change_id}", status_code=204)
def take_back_change(caller: Manager, slug: Slug, change_id: RowId, session: Write) -> None:
    """Take a change back: the category is what it was; decisions made since stay."""
    project = projects.find_project(session, caller, slug)
    categories.take_back(session, caller, project, change_id)
