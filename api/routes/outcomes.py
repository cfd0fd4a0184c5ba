"""What became of what a program asked, and which version learnt from what it said."""

from typing import Annotated

from fastapi import APIRouter

from api import policies
from api.deps import GatedRoute, Read, allow
from api.paging import PredictionId, RowId, Slug
from api.schemas.items import DecisionDetail
from api.schemas.outcomes import OutcomeOut
from api.throttle import RouteClass
from models.steps import outcomes, projects
from models.steps.accounts import Caller
from models.store.queries.decisions import names_of
from models.store.queries.projects import categories_of

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Predictions"], route_class=GatedRoute)

Asker = Annotated[Caller, allow(policies.may_follow_up, RouteClass.READ)]


@router.get("/predictions/{prediction_id}")
def show_prediction(caller: Asker, slug: Slug, prediction_id: PredictionId, session: Read) -> OutcomeOut:
    """Show a prediction and what became of it: whether people are asked, the final category, who learnt from it."""
    project = projects.find_project(session, caller, slug)
    return OutcomeOut.of(outcomes.outcome(session, caller, project, prediction_id))


@router.get("/decisions/{decision_id}")
def show_decision(caller: Asker, slug: Slug, decision_id: RowId, session: Read) -> DecisionDetail:
    """Show a decision, and the first version that learnt from it. A program sees its own."""
    project = projects.find_project(session, caller, slug)
    row = outcomes.find_decision(session, caller, project, decision_id)
    names = {category.id: category.name for category in categories_of(session, project.id)}
    return DecisionDetail.about(row, names_of(session, [row.id])[row.id], names, outcomes.learnt_by(session, row))
