"""Which words of a text, and which fields of its record, an answer leans on."""

from models.errors import Invalid, Problem
from models.steps.reasons import Weights, weights
from models.steps.serve import Thought

MOST_EXPLAINED = 20
"""Texts explained in one request: each costs up to fifty encodings."""


def check_bounded(count: int) -> None:
    """Raise Invalid where more texts are to be explained than one request may."""
    if count > MOST_EXPLAINED:
        rule = f"is for at most {MOST_EXPLAINED} items a request"
        raise Invalid(f"`explain` {rule}.", problems=[Problem(("body", "explain"), rule)])


def behind(thought: Thought) -> list[Weights]:
    """For each record, what weighed in its answer."""
    served = thought.at_hand.served
    return [
        weights(served, item.text, item.fields, prediction.category.id)
        for item, prediction in zip(thought.items, thought.predictions, strict=True)
    ]
