"""A version in shadow, and how far it differs from the one that serves."""

from typing import Self

from pydantic import Field

from api.schemas.base import Moment, Output
from models.steps.shadow import Differing, Disagreement, Example


class InsteadOut(Output):
    """What the shadow says instead, and how often."""

    category: str
    count: int


class DifferingOut(Output):
    """Answers of the serving version that name a category, and how often the shadow differs."""

    category: str
    predictions: int
    differing: int
    share: float
    instead: list[InsteadOut]

    @classmethod
    def of(cls, found: Differing) -> Self:
        """From the domain's figure."""
        return cls(
            category=found.category,
            predictions=found.predictions,
            differing=found.differing,
            share=found.differing / found.predictions,
            instead=[InsteadOut(category=name, count=count) for name, count in found.instead],
        )


class SaidOut(Output):
    """An answer."""

    category: str
    confidence: float


class ShadowExampleOut(Output):
    """A text that both were asked and answer differently."""

    prediction_id: str
    at: Moment
    text: str
    serving: SaidOut
    shadow: SaidOut

    @classmethod
    def of(cls, found: Example) -> Self:
        """From the domain's example."""
        return cls(
            prediction_id=found.prediction_id,
            at=found.at,
            text=found.text,
            serving=SaidOut(category=found.serving, confidence=found.serving_confidence),
            shadow=SaidOut(category=found.shadow, confidence=found.shadow_confidence),
        )


class ShadowOut(Output):
    """The version in shadow against the serving one, on what callers sent since it stands there."""

    version: int | None = Field(description="The version in shadow; null where there is none.")
    serving: int
    since: Moment | None
    predictions: int = Field(description="Answers that both versions gave.")
    differing: int
    share: float | None = Field(description="The part of the answers that differ, with its exact 95 % interval.")
    low: float
    high: float
    by_category: list[DifferingOut]
    examples: list[ShadowExampleOut]
    trouble: str | None = Field(description="Why the shadow cannot answer, if it cannot.")

    @classmethod
    def of(cls, found: Disagreement) -> Self:
        """From the domain's finding."""
        return cls(
            version=found.number,
            serving=found.serving,
            since=found.since,
            predictions=found.predictions,
            differing=found.differing,
            share=found.differing / found.predictions if found.predictions else None,
            low=found.low,
            high=found.high,
            by_category=[DifferingOut.of(one) for one in found.by_category],
            examples=[ShadowExampleOut.of(one) for one in found.examples],
            trouble=found.trouble,
        )
