"""Winnow as the machine-learning backend of a Label Studio that is there already."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from api import policies
from api.deps import Charge, GatedRoute, Here, Read, TheSettings, Write, allow_anyone, allow_basic
from api.label_studio import MAX_CONFIG_CHARS, Layout, chosen_in, layout_of, said_at, text_of_task
from api.paging import Slug
from api.schemas.base import Output, Schema
from api.schemas.items import MAX_ITEMS
from api.throttle import RouteClass
from models.errors import TooLittleToLearn
from models.readers.tools import standing
from models.steps import projects, serve, train
from models.steps.accounts import Caller
from models.steps.items import Asked
from models.store.queries.projects import categories_of
from models.store.tables import ProjectRow
from models.vocabulary import Role, TaskKind

router = APIRouter(prefix="/label-studio/{slug}", tags=["Label Studio"], route_class=GatedRoute)

Anyone = Annotated[Caller, allow_anyone()]
Asker = Annotated[Caller, allow_basic(policies.may_predict, RouteClass.PREDICT)]
Teller = Annotated[Caller, allow_basic(policies.may_give_feedback)]
_EMPTY: dict[str, Any] = {"result": [], "score": 0.0}
Config = Annotated[str, Field(max_length=MAX_CONFIG_CHARS)]


class _FromLabelStudio(Schema):
    """What Label Studio sends has more than is needed here, and other things in other versions."""

    model_config = ConfigDict(extra="ignore")


class TaskIn(_FromLabelStudio):
    """A task of Label Studio."""

    id: int | str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    annotations: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_ITEMS)


class AskIn(_FromLabelStudio):
    """`/predict`: tasks to be answered for."""

    tasks: list[TaskIn] = Field(max_length=MAX_ITEMS)
    label_config: Config


class SetupIn(_FromLabelStudio):
    """`/setup`: the labelling configuration that will be used."""

    model_config = ConfigDict(populate_by_name=True)

    config: Config = Field(alias="schema")


class EventIn(_FromLabelStudio):
    """`/webhook`: what happened. Without an action: Label Studio's button for training, with the annotated tasks."""

    action: str | None = Field(default=None, max_length=100)
    annotation: dict[str, Any] | list[dict[str, Any]] | None = None
    task: TaskIn | list[TaskIn] | None = None
    annotations: list[TaskIn] | None = Field(default=None, max_length=MAX_ITEMS)
    label_config: Config | None = None
    project: dict[str, Any] | str | None = None


class UpOut(Output):
    """The backend is there."""

    status: str
    model_class: str


class SetUpOut(Output):
    """The version that will answer."""

    model_version: str


class PredictedOut(Output):
    """A prediction as Label Studio reads it."""

    result: list[dict[str, Any]]
    score: float
    model_version: str


class PredictedManyOut(Output):
    """One prediction for each task, in their order."""

    results: list[PredictedOut]
    model_version: str


class TakenOut(Output):
    """How many annotations became decisions, and the job of a training that was started."""

    status: str
    taken: int
    job: str | None = None


@router.get("/health")
def label_studio_health(_: Anyone, slug: Slug) -> UpOut:
    """Say that the backend is there; what Label Studio asks first."""
    del slug  # whether there is such a project is not for everybody to know
    return UpOut(status="UP", model_class="Winnow")


@router.post("/setup")
def label_studio_setup(caller: Asker, slug: Slug, body: SetupIn, session: Read) -> SetUpOut:
    """Look whether a labelling configuration can be answered, and name the version that will."""
    layout_of(body.config)
    return SetUpOut(model_version=str(projects.find_project(session, caller, slug).serving_number))


@router.post("/predict")
def label_studio_predict(
    caller: Asker, slug: Slug, body: AskIn, charge: Charge, session: Read, context: Here
) -> PredictedManyOut:
    """Answer for tasks. One without a text gets an empty answer, so that the others keep their places."""
    charge(len(body.tasks))
    project = projects.find_project(session, caller, slug)
    layout = layout_of(body.label_config, [row.name for row in categories_of(session, project.id, archived=False)])
    texts = [text_of_task(task.data, project, layout.key)[: context.settings.max_text_chars] for task in body.tasks]
    tasks = [task.data for task in body.tasks]
    asked = [place for place, text in enumerate(texts) if text.strip()]
    number, results = str(project.serving_number), dict.fromkeys(range(len(texts)), _EMPTY)
    if asked:
        answers = serve.predict(context.runtime, caller, slug, [Asked(texts[place], tasks[place]) for place in asked])
        number = str(answers.number)
        results |= {place: _shown(layout, one) for place, one in zip(asked, answers.answers, strict=True)}
    return PredictedManyOut(
        results=[PredictedOut(**results[place], model_version=number) for place in range(len(texts))],
        model_version=number,
    )


@router.post("/webhook", status_code=201)
def label_studio_webhook(
    caller: Teller, slug: Slug, body: EventIn, charge: Charge, session: Write, settings: TheSettings
) -> TakenOut:
    """Take annotations as decisions of source `feedback`; other events are acknowledged and change nothing.

    Label Studio's button for training starts one, if the key may: it needs the role `manager`. The annotations that
    come with it are all that there are: those that say what is known, what is no category, or what was decided
    otherwise since they were made, are passed over.
    """
    pairs = _annotated(body)
    charge(max(1, len(pairs)))
    project = projects.find_project(session, caller, slug)
    config = body.label_config or (body.project.get("label_config") if isinstance(body.project, dict) else None)
    names = [row.name for row in categories_of(session, project.id, archived=False)]
    layout = layout_of(config, names) if pairs and isinstance(config, str) and config else None
    taken = 0
    for task, annotation in pairs:
        chosen = chosen_in(annotation, layout.control if layout else None)
        if layout is not None:
            chosen = layout.meant(chosen, names)
        text = text_of_task(task.data, project, layout.key if layout else None)[: settings.max_text_chars]
        several = project.task is TaskKind.MULTI
        if not chosen or not text.strip() or (len(chosen) > 1 and not several):
            continue
        right = serve.Feedback(categories=chosen, text=text) if several else serve.Feedback(chosen[0], text=text)
        if body.action is not None or serve.is_news(session, project, right, said_at(annotation)):
            serve.feedback(session, caller, project, right)
            taken += 1
    wanted = body.action == "START_TRAINING" or (body.action is None and body.annotations is not None)
    job = _training(caller, session, project) if wanted else None
    return TakenOut(status="ok", taken=taken, job=job)


def _shown(layout: Layout, one: serve.Answer) -> dict[str, Any]:
    said = one.prediction
    return {"result": layout.result([category.name for category in said.categories]), "score": said.confidence}


def _annotated(body: EventIn) -> list[tuple[TaskIn, dict[str, Any]]]:
    """The annotations that came, each with its task."""
    if body.annotations is not None and body.action is None:
        return [(task, dict(standing({"annotations": task.annotations}))) for task in body.annotations]
    if body.action not in {"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED"}:
        return []
    tasks = body.task if isinstance(body.task, list) else [] if body.task is None else [body.task]
    given = body.annotation if isinstance(body.annotation, list) else [body.annotation] if body.annotation else []
    return list(zip(tasks, given, strict=False))


def _training(caller: Caller, session: Session, project: ProjectRow) -> str | None:
    if not caller.has(Role.MANAGER):
        return None
    try:
        return train.request_training(session, caller, project).id
    except TooLittleToLearn:
        return None
