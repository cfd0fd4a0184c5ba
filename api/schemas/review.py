"""The queue and decisions."""

from typing import Annotated, Any, Literal, Self, cast

from pydantic import ConfigDict, Field, model_validator

from api.schemas.base import InputId, Moment, Output, OutputId, Schema
from api.schemas.items import CategoryName, Note, RankedOut, ranked
from models.errors import WinnowError
from models.numbers import Flag, numbers
from models.steps.queue import Leased
from models.steps.review import Decided, NewDecision, Shown
from models.store.tables import DecisionRow
from models.vocabulary import Action, Reason

MAX_DECISIONS = 500
Decides = Literal["accept", "correct", "skip", "flag"]
"""The values of an `Action` that a decision can have, plain so that a refusal names them as callers write them."""

IdempotencyKey = Annotated[str, Field(min_length=1, max_length=255)]


class LeaseIn(Schema):
    """How many tasks are wanted."""

    _numbers = numbers("count")
    count: int = Field(default=10, ge=1, le=50)


class ReleaseIn(Schema):
    """Tasks to be given back."""

    task_ids: list[InputId] = Field(max_length=1000)


class ReleaseOut(Output):
    """How many of them were the caller's to give."""

    released: int


class TaskItemOut(Output):
    """The item that a task asks about."""

    id: OutputId
    external_id: str | None
    text: str
    fields: dict[str, Any]


class ShownOut(Output):
    """What the machine says, as a reviewer may see it."""

    category: str
    categories: list[str]
    confidence: float
    top: list[RankedOut]
    model_version: int


class TaskOut(Output):
    """A question in the caller's hands. On a blind audit there is no prediction."""

    task_id: OutputId
    item: TaskItemOut
    prediction: ShownOut | None
    reason: Reason
    explanation: str
    expires_at: Moment

    @classmethod
    def of(cls, leased: Leased) -> Self:
        """From the domain's lease."""
        said, item = leased.prediction, leased.item
        shown = None
        if said is not None:
            shown = ShownOut(
                category=said.category.name,
                categories=[one.name for one in said.categories],
                confidence=said.confidence,
                top=ranked(said),
                model_version=said.number,
            )
        return cls(
            task_id=str(leased.task.id),
            item=TaskItemOut(id=str(item.id), external_id=item.external_id, text=item.text, fields=item.fields),
            prediction=shown,
            reason=leased.task.reason,
            explanation=leased.explanation,
            expires_at=leased.expires_at,
        )


class TasksOut(Output):
    """The tasks handed out; fewer than asked for where the queue is short."""

    tasks: list[TaskOut]


class ShownIn(Schema):
    """The suggestion that was in view when an item was decided outside the queue."""

    _numbers = numbers("confidence", "model_version")
    category: CategoryName
    confidence: float = Field(ge=0, le=1)
    model_version: int = Field(ge=0, le=2**31 - 1)


class _Decision(Schema):
    """What a decision holds, whichever form it comes in."""

    _numbers = numbers("seconds")
    task_id: InputId | None = None
    item_id: InputId | None = None
    categories: list[CategoryName] = Field(default_factory=list, max_length=100)
    note: Note | None = None
    seconds: float | None = Field(default=None, ge=0, le=1e7)
    idempotency_key: IdempotencyKey | None = None
    shown: ShownIn | None = None
    if_undecided: Flag = Field(
        default=False, description="Refuse it where somebody settled the item meanwhile or has its card in hand."
    )
    although_leased: Flag = Field(
        default=False,
        description="With `item_id`: also where somebody else has leased the item, whose answer may then replace it.",
    )

    def as_(self, action: Action) -> NewDecision:
        """As the domain takes it."""
        seen = self.shown
        return NewDecision(
            action=action,
            task_id=self.task_id,
            item_id=self.item_id,
            categories=self.categories,
            note=self.note,
            seconds=self.seconds,
            idempotency_key=self.idempotency_key,
            shown=None if seen is None else Shown(seen.model_version, seen.category, seen.confidence),
            if_undecided=self.if_undecided,
            although_leased=self.although_leased,
        )


class DecisionIn(_Decision):
    """What somebody decides, about a task or directly about an item."""

    action: Decides

    def plan(self) -> NewDecision:
        """As the domain takes it."""
        return self.as_(Action(self.action))


class DecisionsIn(_Decision):
    """One decision, or a list of them under `decisions`: one form or the other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"task_id": "12", "action": "correct", "categories": ["Billing"], "seconds": 2.5},
                {"decisions": [{"task_id": "12", "action": "accept", "idempotency_key": "card-12"}]},
            ]
        }
    )

    decisions: list[DecisionIn] | None = Field(default=None, max_length=MAX_DECISIONS)
    action: Decides | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        alone = self.model_fields_set - {"decisions"}
        if (self.decisions is None) == (not alone):
            message = "give one decision, or a list under `decisions`, and not both"
            raise ValueError(message)
        if alone and self.action is None:
            message = "`action` is required"
            raise ValueError(message)
        return self

    def one(self) -> NewDecision:
        """The single decision; `action` is there, or it would have been refused."""
        return self.as_(Action(cast("Decides", self.action)))


class DecidedOut(Output):
    """A decision just taken."""

    id: OutputId
    item_id: OutputId
    categories: list[str]
    undoable_until: Moment

    @classmethod
    def of(cls, decided: Decided) -> Self:
        """From what the domain did."""
        return cls(
            id=str(decided.row.id),
            item_id=str(decided.row.item_id),
            categories=decided.categories,
            undoable_until=decided.undoable_until,
        )


class ErrorOut(Output):
    """Why one decision of a list was not taken."""

    code: str
    detail: str


class OutcomeOut(Output):
    """What became of one decision of a list."""

    status: Literal["created", "repeated", "failed"]
    id: OutputId | None = None
    item_id: OutputId | None = None
    categories: list[str] = Field(default_factory=list)
    undoable_until: Moment | None = None
    error: ErrorOut | None = None

    @classmethod
    def of(cls, outcome: Decided | WinnowError) -> Self:
        """From what the domain did, or why it did not."""
        if isinstance(outcome, WinnowError):
            return cls(status="failed", error=ErrorOut(code=outcome.code, detail=outcome.detail))
        return cls(
            status="repeated" if outcome.repeated else "created",
            id=str(outcome.row.id),
            item_id=str(outcome.row.item_id),
            categories=outcome.categories,
            undoable_until=outcome.undoable_until,
        )


class OutcomesOut(Output):
    """What became of each decision, in order; one that failed did not take the others with it."""

    decisions: list[OutcomeOut]


class UndoIn(Schema):
    """Decisions to be taken back."""

    decision_ids: list[InputId] = Field(min_length=1, max_length=MAX_DECISIONS)


class UndoneOut(Output):
    """What became of one of them."""

    decision_id: OutputId
    status: Literal["undone", "failed"]
    error: ErrorOut | None = None

    @classmethod
    def of(cls, decision_id: int, outcome: DecisionRow | WinnowError) -> Self:
        """From what the domain did, or why it did not."""
        if isinstance(outcome, WinnowError):
            error = ErrorOut(code=outcome.code, detail=outcome.detail)
            return cls(decision_id=str(decision_id), status="failed", error=error)
        return cls(decision_id=str(decision_id), status="undone")


class UndoneManyOut(Output):
    """What became of each, in order; one that could not be taken back did not keep the others."""

    decisions: list[UndoneOut]
