"""How good it is, and what should worry somebody."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, allow
from api.filters import When
from api.paging import Listing, MayBeEmpty, Slug, WideRanked, cursor_at
from api.schemas.stats import AlertOut
from api.schemas.versions import AccuracyOut, AutomationOut
from api.throttle import RouteClass
from models.steps import hold_out, monitor, projects, suspension
from models.steps.accounts import Caller
from models.steps.alerts import known

router = APIRouter(prefix="/v1", tags=["Trends"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_see_trends, RouteClass.READ)]


class Bucket(StrEnum):
    """How much time one figure is about."""

    DAY = "day"
    WEEK = "week"


@router.get("/projects/{slug}/accuracy")
def accuracy(
    caller: Reader,
    slug: Slug,
    session: Read,
    since: Annotated[When, Query()] = None,
    bucket: Annotated[Bucket, MayBeEmpty] = Bucket.DAY,
) -> list[AccuracyOut]:
    """Show the trend of accuracy, from blind audits only, each with its exact 95 % interval."""
    project = projects.find_project(session, caller, slug)
    found = monitor.accuracy_trend(session, project, since=since, bucket=bucket.value)
    return [AccuracyOut.of(one) for one in found]


@router.get("/projects/{slug}/automation")
def automation(
    caller: Reader,
    slug: Slug,
    session: Read,
    runtime: TheRuntime,
    target: Annotated[float | None, Query(gt=0, lt=1), MayBeEmpty] = None,
) -> AutomationOut:
    """Show what could go without a person at a target accuracy; the project's own where none is given."""
    project = projects.find_project(session, caller, slug)
    found = hold_out.automation(runtime, session, project, target)
    by = projects.settings_of(project).automation_by
    return AutomationOut.of(by, found, suspension.suspended_now(session, project))


@router.get("/alerts")
def alerts(caller: Reader, session: Read, window: WideRanked) -> Listing[AlertOut]:
    """List the alerts that fire now, then those resolved within seven days; newest first."""
    found, following = known(session, caller, after=window.after, limit=window.limit)
    return Listing(items=[AlertOut.of(one) for one in found], next_cursor=cursor_at(following))
