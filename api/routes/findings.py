"""What Winnow finds out: likely errors, agreement, drift, what is new, and what more decisions would bring."""

from typing import Annotated

from fastapi import APIRouter, Query

from api import policies
from api.deps import GatedRoute, Read, TheRuntime, Write, allow
from api.idempotency import Keyed
from api.paging import Listing, MayBeEmpty, Ranked, Slug, cursor_at
from api.schemas.findings import (
    AgreementOut,
    DriftOut,
    ForecastOut,
    NewCategoryIn,
    NewCategoryOut,
    NoveltyOut,
    SuspectOut,
)
from api.throttle import RouteClass
from models.steps import agreement, drift, forecast, newcomers, novelty, projects, second_looks
from models.steps.accounts import Caller

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Findings"], route_class=GatedRoute)

Reader = Annotated[Caller, allow(policies.may_see_trends, RouteClass.READ)]
Maker = Annotated[Caller, allow(policies.may_manage_categories)]


@router.get("/label-errors")
def label_errors(caller: Reader, slug: Slug, window: Ranked, session: Read, runtime: TheRuntime) -> Listing[SuspectOut]:
    """List decisions that are most likely wrong, the likeliest first. Blind audits are never among them."""
    project = projects.find_project(session, caller, slug)
    found, following = second_looks.label_errors(runtime, session, project, after=window.after, limit=window.limit)
    return Listing(items=[SuspectOut.of(one) for one in found], next_cursor=cursor_at(following))


@router.get("/agreement")
def show_agreement(caller: Reader, slug: Slug, session: Read) -> AgreementOut:
    """Show how far reviewers agree, with each other and with themselves, on what they answered unseen."""
    return AgreementOut.of(agreement.agreed(session, projects.find_project(session, caller, slug)))


@router.get("/drift")
def show_drift(
    caller: Reader,
    slug: Slug,
    session: Read,
    runtime: TheRuntime,
    days: Annotated[int, Query(ge=1, le=365, description="How far back recent items go."), MayBeEmpty] = 7,
) -> DriftOut:
    """Compare what came in lately with what was there when the serving version was trained."""
    project = projects.find_project(session, caller, slug)
    return DriftOut.of(drift.drifted(runtime, session, project, days))


@router.get("/novelty")
def show_novelty(
    caller: Reader,
    slug: Slug,
    session: Read,
    runtime: TheRuntime,
    limit: Annotated[int, Query(ge=1, le=100, description="Groups at most."), MayBeEmpty] = 10,
) -> NoveltyOut:
    """Show groups of undecided items that fit no category, named by their most typical words."""
    project = projects.find_project(session, caller, slug)
    return NoveltyOut.of(novelty.novelty(runtime, session, project, limit))


@router.post("/novelty/category", status_code=201)
def make_category(
    caller: Maker, slug: Slug, body: NewCategoryIn, session: Write, runtime: TheRuntime, once: Keyed
) -> NewCategoryOut:
    """Make a category of items that fit none, and ask people first about those that are like them."""

    def make() -> NewCategoryOut:
        project = projects.find_project(session, caller, slug)
        plan = projects.NewCategory(body.name, body.description)
        made = newcomers.make_category(runtime, session, caller, project, plan, body.item_ids, body.ask)
        return NewCategoryOut.of(made)

    return once(NewCategoryOut, session, make)


@router.get("/forecast")
def show_forecast(caller: Reader, slug: Slug, session: Read, runtime: TheRuntime) -> ForecastOut:
    """Show what more decisions would bring, and whether to stop; from this project's own versions."""
    return ForecastOut.of(forecast.outlook(runtime, session, projects.find_project(session, caller, slug)))
