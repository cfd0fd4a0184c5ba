"""Which words of a text, and which fields of its record, an answer leans on."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.errors import Invalid, Problem
from models.runtime import Runtime
from models.steps.items import Asked
from models.steps.reasons import Weights, weights
from models.steps.serve import Answers
from models.store.tables import ProjectRow

MOST_EXPLAINED = 20
"""Texts explained in one request: each costs up to fifty encodings."""


def check_bounded(count: int) -> None:
    """Raise Invalid where more texts are to be explained than one request may."""
    if count > MOST_EXPLAINED:
        rule = f"is for at most {MOST_EXPLAINED} items a request"
        raise Invalid(f"`explain` {rule}.", problems=[Problem(("body", "explain"), rule)])


def behind(
    runtime: Runtime, session: Session, project: ProjectRow, items: Sequence[Asked], answers: Answers
) -> list[Weights]:
    """For each record, what weighed in its answer, by the version that gave it."""
    served = runtime.heads.get(session, project, answers.number)
    return [
        weights(served, item.text, item.fields, answer.prediction.category.id)
        for item, answer in zip(items, answers.answers, strict=True)
    ]
