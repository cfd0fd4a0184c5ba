"""What crosses HTTP about what Winnow finds out."""

from datetime import datetime

from pydantic import Field

from winnow.schemas import Category, Schema


class LabelError(Schema):
    """A decision that other decisions speak against; `score` (0.5 to 1) orders and is no probability."""

    item_id: str
    external_id: str | None = None
    text: str
    decision_id: str
    decided_by: str | None = None
    decided_at: datetime | None = None
    source: str | None = None
    category: str
    suggested: str
    score: float


class BetweenReviewers(Schema):
    """Krippendorff's alpha with its 95 % interval, and on how many items all said the same."""

    alpha: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0
    answers: int = 0
    same: int = 0
    same_low: float = 0.0
    same_high: float = 1.0


class Repeats(Schema):
    """Blind repeats and how many gave the same answer, with the exact 95 % interval of that share."""

    repeats: int = 0
    same: int = 0
    share: float | None = None
    low: float = 0.0
    high: float = 1.0


class ReviewerRepeats(Schema):
    """One reviewer's blind repeats: of items drawn by chance, and, apart, of decisions that seemed wrong."""

    reviewer: str
    with_self: Repeats = Field(default_factory=Repeats)
    with_others: Repeats = Field(default_factory=Repeats)
    suspected: Repeats = Field(default_factory=Repeats)


class Agreement(Schema):
    """How far reviewers agree with each other and with themselves."""

    between: BetweenReviewers = Field(default_factory=BetweenReviewers)
    reviewers: list[ReviewerRepeats] = Field(default_factory=list)


class Shift(Schema):
    """How large a shift is, and how likely chance alone would make one as large."""

    size: float
    p_value: float


class CategoryShare(Schema):
    """The share of answers that name a category, before and now."""

    category: str
    reference: float
    recent: float


class RequestDrift(Schema):
    """What programs asked the serving version lately, against the items that were there when it was trained."""

    recent: int
    shifted: bool = False
    categories: Shift
    confidence: float | None = None
    mix: list[CategoryShare] = Field(default_factory=list)


class Drift(Schema):
    """Recent items (from `since` on) against those that had come in before `until`."""

    model_version: int
    reference: int
    recent: int
    until: datetime | None = None
    since: datetime | None = None
    shifted: bool = False
    categories: Shift
    meaning: Shift
    confidence: float | None = None
    mix: list[CategoryShare] = Field(default_factory=list)
    advice: str = ""
    requests: RequestDrift | None = None


class Example(Schema):
    """An item of a group."""

    item_id: str
    text: str


class NewGroup(Schema):
    """Items that are like each other and like nothing known."""

    name: str
    words: list[str] = Field(default_factory=list)
    size: int
    likeness: float | None = None
    examples: list[Example] = Field(default_factory=list)


class Novelty(Schema):
    """Groups that fit no category, the largest first."""

    items: list[NewGroup] = Field(default_factory=list)
    looked_at: int = 0
    unfamiliar: int = 0
    advice: str = ""


class Newcomer(Schema):
    """A category made of items that fitted none, and how many items people are asked about because of it."""

    category: Category
    asked: int


class ForecastPoint(Schema):
    """What to expect at a number of decisions, with a 95 % band."""

    decisions: int
    accuracy: float
    low: float
    high: float
    automation_share: float | None = None


class Forecast(Schema):
    """What more decisions would bring; no items while too little can be said, and `advice` says why."""

    items: list[ForecastPoint] = Field(default_factory=list)
    advice: str = ""
