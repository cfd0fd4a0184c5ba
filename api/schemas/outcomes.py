"""What became of a prediction."""

from typing import Self

from api.schemas.base import Moment, Output, OutputId
from models.steps.outcomes import Outcome, Wait
from models.vocabulary import Source, Verdict


class FinalOut(Output):
    """The decision in force on the prediction's item."""

    category: str | None
    categories: list[str]
    decision_id: OutputId
    source: Source
    decided_by: str
    decided_at: Moment
    learnt_by: int | None


class AskedOut(Output):
    """Whether people are asked: `none`, `waiting`, `decided`, or `expired` where the deadline passed first."""

    status: Wait
    deadline: Moment | None


class OutcomeOut(Output):
    """A prediction as it was answered, and what became of it."""

    prediction_id: str
    model_version: int
    category: str | None
    confidence: float
    decision: Verdict
    item_id: OutputId | None
    created_at: Moment
    review: AskedOut
    final: FinalOut | None

    @classmethod
    def of(cls, found: Outcome) -> Self:
        """From what the domain found."""
        row = found.row
        return cls(
            prediction_id=row.id,
            model_version=row.number,
            category=found.said,
            confidence=row.confidence,
            decision=row.verdict,
            item_id=None if row.item_id is None else str(row.item_id),
            created_at=row.created_at,
            review=AskedOut(status=found.wait, deadline=found.deadline),
            final=_final(found),
        )


def _final(found: Outcome) -> FinalOut | None:
    row = found.final
    if row is None:
        return None
    return FinalOut(
        category=found.categories[0] if found.categories else None,
        categories=found.categories,
        decision_id=str(row.id),
        source=row.source,
        decided_by=row.actor_name,
        decided_at=row.created_at,
        learnt_by=found.learnt_by,
    )
