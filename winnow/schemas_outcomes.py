"""What became of what a program asked."""

from datetime import datetime

from pydantic import Field

from winnow.schemas import Schema


class Asked(Schema):
    """Whether people are asked: `none`, `waiting`, `decided` or `expired`."""

    status: str
    deadline: datetime | None = None


class Final(Schema):
    """The decision in force; `learnt_by` is the first version that learnt from it."""

    category: str | None
    decision_id: str
    source: str
    decided_by: str
    decided_at: datetime
    categories: list[str] = Field(default_factory=list)
    learnt_by: int | None = None


class PredictionOutcome(Schema):
    """A prediction as it was answered, and what became of it."""

    prediction_id: str
    model_version: int
    category: str | None
    confidence: float
    decision: str
    item_id: str | None
    created_at: datetime
    review: Asked
    final: Final | None = None
