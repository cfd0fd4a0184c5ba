"""What reviewers do not agree on, and what a manager makes of it."""

from typing import Any, Self

from pydantic import Field

from api.schemas.base import Moment, Output, OutputId, Schema
from api.schemas.items import CategoryName, Note, SaidOut
from models.steps.disputes import Answer, Dispute
from models.vocabulary import Action, ItemState


class AnswerOut(Output):
    """What one person said."""

    decision_id: OutputId
    reviewer: str
    action: Action
    categories: list[str]
    note: str | None
    seconds: float | None
    reason: str | None
    created_at: Moment

    @classmethod
    def of(cls, one: Answer) -> Self:
        """From the domain's answer."""
        return cls(
            decision_id=str(one.row.id),
            reviewer=one.row.actor_name,
            action=one.row.action,
            categories=one.categories,
            note=one.row.note,
            seconds=one.row.seconds,
            reason=None if one.row.reason is None else one.row.reason.value,
            created_at=one.row.created_at,
        )


class DisputeOut(Output):
    """An item that waits for a manager, with what people said about it, oldest first."""

    item_id: OutputId
    external_id: str | None
    text: str
    fields: dict[str, Any]
    state: ItemState
    answers: list[AnswerOut]
    most: list[str] | None = Field(description="The answer that more people gave than any other; null where none was.")
    prediction: SaidOut | None = Field(description="What the machine says; null on a blind audit.")
    blind: bool = Field(description="The item is a blind audit: what is settled is what the machine is measured on.")

    @classmethod
    def of(cls, one: Dispute) -> Self:
        """From the domain's dispute."""
        return cls(
            item_id=str(one.item.id),
            external_id=one.item.external_id,
            text=one.item.text,
            fields=one.item.fields,
            state=one.item.state,
            answers=[AnswerOut.of(answer) for answer in one.answers],
            most=one.most,
            prediction=None if one.prediction is None else SaidOut.of(one.prediction),
            blind=one.blind,
        )


class SettlementIn(Schema):
    """What the item is."""

    categories: list[CategoryName] = Field(min_length=1, max_length=100)
    note: Note | None = None
