"""What crosses HTTP about answers that do not agree."""

from datetime import datetime
from typing import Any

from pydantic import Field

from winnow.schemas import Prediction, Schema


class Answer(Schema):
    """What one person said about an item."""

    decision_id: str
    reviewer: str
    action: str
    categories: list[str] = Field(default_factory=list)
    note: str | None = None
    seconds: float | None = None
    reason: str | None = None
    created_at: datetime | None = None


class Dispute(Schema):
    """An item that waits for a manager; `most` is the answer that more people gave than any other."""

    item_id: str
    external_id: str | None = None
    text: str
    fields: dict[str, Any] = Field(default_factory=dict)
    state: str
    answers: list[Answer] = Field(default_factory=list)
    most: list[str] | None = None
    prediction: Prediction | None = None
    blind: bool = False
