"""Answers for programs, and what they found to be right."""

from typing import Annotated, Any

from fastapi import APIRouter

from api import policies
from api.deps import Charge, GatedRoute, Here, Seen, Slot, TheSettings, Write, allow
from api.idempotency import Keyed, KeyedUpload
from api.paging import Slug
from api.routes.imports import options_of
from api.schemas.items import not_too_long, text_of
from api.schemas.predictions import FeedbackIn, FeedbackOut, PredictIn, PredictOut, as_told
from api.schemas.work import JobOut
from api.throttle import RouteClass
from api.uploads import FORM, Received
from models.steps import batch, projects, serve, wording
from models.steps.accounts import Caller
from models.steps.items import Asked
from models.steps.ready import ready

router = APIRouter(prefix="/v1/projects/{slug}", tags=["Predictions"], route_class=GatedRoute)

Asker = Annotated[Caller, allow(policies.may_predict, RouteClass.PREDICT)]
Sender = Annotated[Caller, allow(policies.may_predict, RouteClass.UPLOAD)]
Teller = Annotated[Caller, allow(policies.may_give_feedback)]


@router.post("/predict", response_model=PredictOut)
def predict(
    caller: Asker,
    slug: Slug,
    body: PredictIn,
    charge: Charge,
    context: Here,
    once: Keyed,
    seen: Seen = None,
    _slot: Slot = None,
) -> dict[str, Any] | PredictOut:
    """Answer for up to 1,000 texts: category, calibrated confidence, and whether a person should look."""
    charge(len(body.items))
    if body.explain:
        wording.check_bounded(len(body.items))
    if once.key is not None:
        with context.database.read() as session:
            known = once.before(PredictOut, session)
        if known is not None:
            return known
    runtime = context.runtime
    at_hand = ready(runtime, caller, slug, body.model_version, seen)
    project, longest = at_hand.project, context.settings.max_text_chars
    items = [
        Asked(text_of(given, project, place, longest), given.fields, given.id) for place, given in enumerate(body.items)
    ]
    thought = serve.think(at_hand, items, top=body.top_k, review=body.review)
    weights = wording.behind(thought) if body.explain else None

    def told(answers: serve.Answers) -> dict[str, Any]:
        context.metrics.predicted(project, answers)
        return as_told(answers, weights)

    if once.key is None:
        return told(serve.tell(runtime, caller, thought, body.urgency()))
    with context.database.transaction() as session:

        def tell() -> PredictOut:
            return PredictOut.model_validate(told(serve.tell_in(session, caller, thought, body.urgency())))

        return once(PredictOut, session, tell)


@router.post("/predict/batch", status_code=202, openapi_extra=FORM)
def predict_batch(caller: Sender, slug: Slug, upload: Received, session: Write, once: KeyedUpload) -> JobOut:
    """Answer a whole file in the background: the same rows in the same format, with the answers added."""

    def start() -> JobOut:
        project = projects.find_project(session, caller, slug)
        file = batch.Upload(upload.filename, upload.name)
        job = batch.request_batch(session, caller, project, file, options_of(upload))
        upload.keep()
        return JobOut.of(job)

    return once(JobOut, session, start, about=upload.digest)


@router.post("/feedback", status_code=201)
def give_feedback(
    caller: Teller, slug: Slug, body: FeedbackIn, session: Write, once: Keyed, settings: TheSettings
) -> FeedbackOut:
    """Say what turned out to be right: it becomes a decision."""

    def tell() -> FeedbackOut:
        project = projects.find_project(session, caller, slug)
        not_too_long(body.text or "", ("body", "text"), settings.max_text_chars)
        row = serve.feedback(session, caller, project, serve.Feedback(**body.model_dump()))
        return FeedbackOut(decision_id=str(row.id))

    return once(FeedbackOut, session, tell)
