"""Many at once: groups of like items to be settled together, and the map of a project."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, allow
from api.filters import Words, resolve_one
from api.paging import MayBeEmpty, RowId, Slug
from api.schemas.groups import GroupOut, GroupsOut, MapOut, PointOut
from api.throttle import RouteClass
from models.steps import atlas, groups, projects
from models.steps.accounts import Caller

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Review"], route_class=GatedRoute)

Browser = Annotated[Caller, allow(policies.may_browse, RouteClass.READ)]


class Which:
    """Which groups."""

    def __init__(
        self,
        category: Annotated[Words, Query(description="Only of this predicted category.")] = None,
        min_confidence: Annotated[float, Query(ge=0, le=1), MayBeEmpty] = 0.0,
        limit: Annotated[int, Query(ge=1, le=50, description="Groups at most."), MayBeEmpty] = 6,
        size: Annotated[int, Query(ge=3, le=100, description="Items of a group at most."), MayBeEmpty] = 24,
        item_id: Annotated[
            list[RowId] | None, Query(max_length=500, description="Group these items by their answer, and no others.")
        ] = None,
    ) -> None:
        self.category = category
        self.min_confidence = min_confidence
        self.limit = limit
        self.size = size
        self.item_ids = item_id


@router.get("/groups")
def list_groups(
    caller: Browser, slug: Slug, session: Read, runtime: TheRuntime, which: Annotated[Which, Depends()]
) -> GroupsOut:
    """Group like undecided items that get the same answer. What a blind audit may ask or somebody holds is left out."""
    project = projects.find_project(session, caller, slug)
    if which.item_ids:
        found = groups.together(runtime, session, project, which.item_ids)
    else:
        found = groups.groups(
            runtime,
            session,
            project,
            category_id=resolve_one(session, project, which.category),
            min_confidence=which.min_confidence,
            limit=which.limit,
            size=which.size,
        )
    return GroupsOut(items=[GroupOut.of(one) for one in found])


@router.get("/map")
def show_map(
    caller: Browser,
    slug: Slug,
    session: Read,
    runtime: TheRuntime,
    limit: Annotated[int, Query(ge=1, le=atlas.MOST_POINTS, description="Points at most."), MayBeEmpty] = 2_000,
) -> MapOut:
    """Lay items out on a plane so that what is alike lies together."""
    project = projects.find_project(session, caller, slug)
    points, total = atlas.points(runtime, session, project, limit)
    return MapOut(total=total, items=[PointOut.of(one) for one in points])
