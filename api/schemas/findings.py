"""What Winnow finds out about decisions, reviewers, items to come and the way ahead."""

from typing import Self

from pydantic import ConfigDict, Field

from api.schemas.base import InputId, Moment, Output, OutputId, Schema
from api.schemas.projects import CategoryOut, Description, Name
from models.learn.agreement import Agreement
from models.numbers import numbers
from models.steps.agreement import Agreed, Repeats, Reviewer
from models.steps.drift import Drifted, Mix, Requests
from models.steps.forecast import Outlook
from models.steps.newcomers import MOST_ASKED, MOST_LIKE, USUALLY_ASKED, Newcomer
from models.steps.novelty import Novelty
from models.steps.second_looks import Suspect
from models.vocabulary import Source


class SuspectOut(Output):
    """A decision that other decisions speak against."""

    item_id: OutputId
    external_id: str | None
    text: str
    decision_id: OutputId
    decided_by: str
    decided_at: Moment
    source: Source
    category: str = Field(description="What was decided.")
    suggested: str = Field(description="What the other decisions say.")
    score: float = Field(description="How strongly they say it, 0.5 to 1. It orders the list and is no probability.")

    @classmethod
    def of(cls, one: Suspect) -> Self:
        """From the domain's finding."""
        return cls(
            item_id=str(one.item.id),
            external_id=one.item.external_id,
            text=one.item.text,
            decision_id=str(one.decision.id),
            decided_by=one.decision.actor_name,
            decided_at=one.decision.created_at,
            source=one.decision.source,
            category=one.category,
            suggested=one.suggested,
            score=one.score,
        )


class BetweenOut(Output):
    """Agreement between reviewers on items that several decided without sight of each other."""

    alpha: float | None = Field(description="Krippendorff's alpha: 1 is full agreement, 0 is what chance would give.")
    low: float | None
    high: float | None
    items: int
    answers: int
    same: int = Field(description="Items on which all said the same.")
    same_low: float = Field(description="Exact 95 % interval of the share of such items.")
    same_high: float

    @classmethod
    def of(cls, found: Agreement) -> Self:
        """From the domain's figure."""
        return cls(
            alpha=found.alpha,
            low=found.low,
            high=found.high,
            items=found.items,
            answers=found.answers,
            same=found.same,
            same_low=found.same_low,
            same_high=found.same_high,
        )


class RepeatsOut(Output):
    """Blind repeats, how many gave the same answer, and the exact 95 % interval of that share."""

    repeats: int
    same: int
    share: float | None
    low: float
    high: float

    @classmethod
    def of(cls, found: Repeats) -> Self:
        """From the domain's count."""
        return cls(repeats=found.repeats, same=found.same, share=found.share, low=found.low, high=found.high)


class ReviewerOut(Output):
    """One reviewer's blind repeats: of items drawn by chance, and, apart, of decisions that seemed wrong."""

    reviewer: str
    with_self: RepeatsOut
    with_others: RepeatsOut
    suspected: RepeatsOut

    @classmethod
    def of(cls, found: Reviewer) -> Self:
        """From the domain's counts."""
        return cls(
            reviewer=found.name,
            with_self=RepeatsOut.of(found.with_self),
            with_others=RepeatsOut.of(found.with_others),
            suspected=RepeatsOut.of(found.suspected),
        )


class AgreementOut(Output):
    """How far reviewers agree with each other and with themselves."""

    between: BetweenOut
    reviewers: list[ReviewerOut]

    @classmethod
    def of(cls, found: Agreed) -> Self:
        """From the domain's finding."""
        return cls(between=BetweenOut.of(found.between), reviewers=[ReviewerOut.of(one) for one in found.reviewers])


class MixOut(Output):
    """The share of answers that name a category, before and now."""

    category: str
    reference: float
    recent: float

    @classmethod
    def each(cls, mix: list[Mix]) -> list[Self]:
        """From the domain's findings."""
        return [cls(category=one.category, reference=one.reference, recent=one.recent) for one in mix]


class ShiftOut(Output):
    """A shift: how large it is, and how likely chance alone would make one as large."""

    size: float
    p_value: float


class RequestsOut(Output):
    """What programs asked the serving version lately, against the items that were there when it was trained."""

    recent: int = Field(description="Requests since `since`; the newest 2,000 at most.")
    shifted: bool
    categories: ShiftOut
    confidence: float | None = Field(description="Null where an item may have several categories.")
    mix: list[MixOut]

    @classmethod
    def of(cls, found: Requests) -> Self:
        """From the domain's finding."""
        return cls(
            recent=found.recent,
            shifted=found.shifted,
            categories=ShiftOut(size=found.categories, p_value=found.p_value),
            confidence=found.confidence,
            mix=MixOut.each(found.mix),
        )


class DriftOut(Output):
    """Recent items against those that were there when the serving version was trained."""

    model_version: int
    reference: int = Field(description="Items compared that had come in before `until`; 2,000 at most stand for all.")
    recent: int = Field(description="Items compared that came in from `since` on; 2,000 at most.")
    until: Moment
    since: Moment
    shifted: bool
    categories: ShiftOut = Field(description="Population stability index of the answered categories.")
    meaning: ShiftOut = Field(description="Cosine distance of the mean vectors, 0 to 2.")
    confidence: float = Field(description="Population stability index of the answers' confidence.")
    mix: list[MixOut] = Field(description="By category, the largest change first.")
    advice: str
    requests: RequestsOut | None = Field(description="What programs ask; null where fewer than twenty asked.")

    @classmethod
    def of(cls, found: Drifted) -> Self:
        """From the domain's finding."""
        return cls(
            model_version=found.number,
            reference=found.shift.reference,
            recent=found.shift.recent,
            until=found.until,
            since=found.since,
            shifted=found.shifted,
            categories=ShiftOut(size=found.shift.categories, p_value=found.test.categories),
            meaning=ShiftOut(size=found.shift.meaning, p_value=found.test.meaning),
            confidence=found.shift.confidence,
            mix=MixOut.each(found.mix),
            advice=found.advice,
            requests=None if found.requests is None else RequestsOut.of(found.requests),
        )


class ExampleOut(Output):
    """An item of a group."""

    item_id: OutputId
    text: str


class GroupOut(Output):
    """Items that are like each other and like nothing known; its name are its most typical words."""

    name: str
    words: list[str]
    size: int
    likeness: float = Field(description="Mean cosine of its items to their middle.")
    examples: list[ExampleOut]


class NoveltyOut(Output):
    """Groups of undecided items that fit no category, the largest first."""

    items: list[GroupOut]
    looked_at: int = Field(description="Undecided items looked at; of more than 5,000, so many drawn at random.")
    unfamiliar: int = Field(description="How many of them are far from every decided item and every category.")
    advice: str

    @classmethod
    def of(cls, found: Novelty) -> Self:
        """From the domain's finding."""
        return cls(
            items=[
                GroupOut(
                    name=group.name,
                    words=group.words,
                    size=group.size,
                    likeness=group.likeness,
                    examples=[ExampleOut(item_id=str(one.item_id), text=one.text) for one in group.examples],
                )
                for group in found.groups
            ],
            looked_at=found.looked_at,
            unfamiliar=found.unfamiliar,
            advice=found.advice,
        )


class NewCategoryIn(Schema):
    """A category to be made of items that fit none so far."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Refunds", "item_ids": ["17", "21"], "ask": 50}]}
    )

    _numbers = numbers("ask")
    name: Name
    description: Description = ""
    item_ids: list[InputId] = Field(min_length=1, max_length=MOST_LIKE, description="Items that are typical of it.")
    ask: int = Field(
        default=USUALLY_ASKED,
        ge=0,
        le=MOST_ASKED,
        description="About how many items like them people are asked first. Blind audits keep their own order.",
    )


class NewCategoryOut(Output):
    """The category, and how many items people are asked about because of it."""

    category: CategoryOut
    asked: int

    @classmethod
    def of(cls, made: Newcomer) -> Self:
        """From what the domain made."""
        return cls(category=CategoryOut.of(made.category), asked=len(made.asked))


class PointOut(Output):
    """What to expect at a number of decisions to learn from, with a 95 % band."""

    decisions: int
    accuracy: float
    low: float
    high: float
    automation_share: float


class ForecastOut(Output):
    """What more decisions would bring, from now on; no items while too little can be said."""

    items: list[PointOut]
    advice: str

    @classmethod
    def of(cls, found: Outlook) -> Self:
        """From the domain's outlook."""
        return cls(
            items=[
                PointOut(
                    decisions=one.decisions,
                    accuracy=one.accuracy,
                    low=one.low,
                    high=one.high,
                    automation_share=one.automation_share,
                )
                for one in found.points
            ],
            advice=found.advice,
        )
