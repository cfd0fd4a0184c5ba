"""Decisions: taken, listed, taken back."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api import policies
from api.deps import Charge, GatedRoute, Read, TheSettings, Write, allow
from api.filters import DecisionFilters, resolve_one
from api.idempotency import Keyed
from api.paging import Listing, Paged, RowId, Slug, cursor_after
from api.schemas.items import DecisionOut
from api.schemas.review import DecidedOut, DecisionsIn, OutcomeOut, OutcomesOut, UndoIn, UndoneManyOut, UndoneOut
from api.throttle import RouteClass
from models.steps import projects, review
from models.steps.accounts import Caller
from models.store.queries.decisions import decisions_page, names_of
from models.store.queries.projects import categories_of

router = APIRouter(prefix="/v1/projects/{slug}/decisions", tags=["Review"], route_class=GatedRoute)

Reviewer = Annotated[Caller, allow(policies.may_review)]
Browser = Annotated[Caller, allow(policies.may_browse, RouteClass.READ)]


@router.post("", status_code=201)
def decide(
    caller: Reviewer, slug: Slug, body: DecisionsIn, charge: Charge, session: Write, once: Keyed, settings: TheSettings
) -> DecidedOut | OutcomesOut:
    """Decide a task or an item; or up to 500 under `decisions`, where a bad one does not lose the others."""
    charge(len(body.decisions or [body]))

    def one() -> DecidedOut:
        project = projects.find_project(session, caller, slug)
        return DecidedOut.of(review.decide(session, caller, project, body.one(), settings))

    def many() -> OutcomesOut:
        project = projects.find_project(session, caller, slug)
        news = [entry.plan() for entry in body.decisions or []]
        outcomes = review.decide_many(session, caller, project, news, settings)
        return OutcomesOut(decisions=[OutcomeOut.of(outcome) for outcome in outcomes])

    if body.decisions is None:
        return once(DecidedOut, session, one)
    return once(OutcomesOut, session, many)


@router.get("")
def list_decisions(
    caller: Browser,
    slug: Slug,
    filters: Annotated[DecisionFilters, Depends()],
    window: Paged,
    session: Read,
) -> Listing[DecisionOut]:
    """List decisions, newest first, those taken back and their undos among them."""
    project = projects.find_project(session, caller, slug)
    page = decisions_page(
        session,
        project.id,
        after=window.after,
        limit=window.limit,
        viewer=caller.key,
        actor=filters.reviewer,
        category_id=resolve_one(session, project, filters.category),
        source=filters.source,
        since=filters.since,
        until=filters.until,
        reason=filters.reason,
    )
    names = names_of(session, [row.id for row in page.rows])
    categories = {row.id: row.name for row in categories_of(session, project.id)}
    return Listing(
        items=[DecisionOut.of(row, names[row.id], categories) for row in page.rows],
        next_cursor=cursor_after(page.next_after),
    )


@router.delete("/{decision_id}", status_code=204)
def undo(caller: Reviewer, slug: Slug, decision_id: RowId, session: Write, settings: TheSettings) -> None:
    """Take a decision back: the item goes to where it was; the history keeps both."""
    project = projects.find_project(session, caller, slug)
    review.undo(session, caller, project, decision_id, settings)


@router.post("/undo")
def undo_many(
    caller: Reviewer, slug: Slug, body: UndoIn, charge: Charge, session: Write, settings: TheSettings
) -> UndoneManyOut:
    """Take up to 500 decisions back, each by itself: one that stays does not keep the others."""
    charge(len(body.decision_ids))
    project = projects.find_project(session, caller, slug)
    outcomes = review.undo_many(session, caller, project, body.decision_ids, settings)
    pairs = zip(body.decision_ids, outcomes, strict=True)
    return UndoneManyOut(decisions=[UndoneOut.of(decision_id, outcome) for decision_id, outcome in pairs])
