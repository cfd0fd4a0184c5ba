"""Predictions and feedback."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from api.schemas.base import Future, InputId, Output, OutputId, Schema
from api.schemas.items import (
    MAX_ITEMS,
    CategoryName,
    ExternalId,
    FieldWeightOut,
    Note,
    RankedOut,
    RecordIn,
    WordOut,
)
from models.numbers import Flag, numbers
from models.steps.reasons import Weights
from models.steps.requested import MOST, USUAL, Urgency
from models.steps.serve import Answer, Answers
from models.vocabulary import ReviewMode, TaskKind, Verdict


class PredictIn(Schema):
    """Texts to be answered for."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"text": "I was charged twice"}], "top_k": 3, "review": "never"}]}
    )

    _numbers = numbers("top_k", "model_version", "priority")
    items: list[RecordIn] = Field(min_length=1, max_length=MAX_ITEMS)
    top_k: int = Field(default=3, ge=1, le=100)
    review: ReviewMode = ReviewMode.NEVER
    model_version: int | None = Field(default=None, ge=0, le=2**31 - 1)
    priority: int = Field(default=USUAL, ge=0, le=MOST, description="With `review`: the highest is asked first.")
    deadline: Future | None = Field(
        default=None, description="With `review`: when a person's answer comes too late; nobody is asked after it."
    )
    explain: Flag = Field(
        default=False, description="Also name the words and fields that weigh most; for at most 20 items."
    )

    def urgency(self) -> Urgency:
        """As the domain takes it."""
        return Urgency(self.priority, self.deadline)


class PredictionOut(Output):
    """An answer; `decision` says whether it may be used without a person."""

    prediction_id: str
    category: str
    confidence: float
    decision: Verdict
    top: list[RankedOut]
    item_id: OutputId | None
    categories: list[str] | None = Field(default=None, description="In `multi` projects only.")
    words: list[WordOut] | None = Field(default=None, description="Where `explain` was asked for.")
    field_weights: list[FieldWeightOut] | None = Field(
        default=None, description="The same for fields; empty where the version does not use them."
    )


class PredictOut(Output):
    """The answers, all by one version, in the order of the items."""

    model_version: int
    predictions: list[PredictionOut]


def as_told(answers: Answers, weights: Sequence[Weights] | None = None) -> dict[str, Any]:
    """The domain's answers as a `PredictOut` in plain words, which the short way has no need to look over again.

    Args:
        weights: what weighed in each, where that was asked for.
    """
    behind = weights if weights is not None else [None] * len(answers.answers)
    said = [_prediction(one, answers.task, weighed) for one, weighed in zip(answers.answers, behind, strict=True)]
    return {"model_version": answers.number, "predictions": said}


def _prediction(answer: Answer, task: TaskKind, weights: Weights | None) -> dict[str, Any]:
    said = answer.prediction
    return {
        "prediction_id": answer.prediction_id,
        "category": said.category.name,
        "confidence": said.confidence,
        "decision": answer.verdict,
        "top": [{"category": name, "confidence": confidence} for name, confidence in said.top],
        "item_id": None if answer.item_id is None else str(answer.item_id),
        "categories": [one.name for one in said.categories] if task is TaskKind.MULTI else None,
        "words": None if weights is None else [WordOut.of(one) for one in weights.words],
        "field_weights": None if weights is None else [FieldWeightOut.of(one) for one in weights.fields],
    }


def _not_empty(text: str) -> str:
    if not text.strip():
        message = "must not be empty"
        raise ValueError(message)
    return text


NotEmpty = Annotated[str, AfterValidator(_not_empty)]


class FeedbackIn(Schema):
    """What turned out to be right, about exactly one of the four."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "I was charged twice", "category": "Billing"}]})

    category: CategoryName | None = None
    categories: list[CategoryName] | None = Field(
        default=None, max_length=100, description="Instead of `category`, in `multi` projects."
    )
    prediction_id: str | None = Field(default=None, max_length=64)
    item_id: InputId | None = None
    external_id: ExternalId | None = None
    text: NotEmpty | None = None
    note: Note | None = None


class FeedbackOut(Output):
    """The decision that feedback became."""

    decision_id: OutputId
