"""What crosses HTTP about versions and how well things go."""

from datetime import datetime
from typing import Any

from pydantic import Field

from winnow.schemas import Job, Schema


class ItemCounts(Schema):
    """How many items a project has, and how far they are; `quick` while it works on quick vectors until all are."""

    total: int = 0
    embedded: int = 0
    quick: bool = False
    decided: int = 0
    flagged: int = 0
    disputed: int = 0


class QueueCounts(Schema):
    """Tasks waiting and tasks leased."""

    open: int = 0
    leased: int = 0


class DecisionCounts(Schema):
    """Decisions in all, today, and by category."""

    total: int = 0
    today: int = 0
    by_category: dict[str, int] = Field(default_factory=dict)


class TrainingState(Schema):
    """Whether a version is in training and how far the next is; `held_up_by` is why the last made no version."""

    running: bool = False
    decisions_since_last: int = 0
    retrain_every: int | None = None
    held_up_by: str | None = None


class CategoryAutomation(Schema):
    """What may be done without people of the answers that name a category; `share` of these answers, 0 to 1."""

    category: str
    threshold: float | None = None
    share: float | None = None
    audits: int = 0
    audits_needed: int | None = None


class Automation(Schema):
    """What may be done without people at a target accuracy; `share` of the pool, 0 to 1.

    `by` says whether the target holds for all accepted answers together (`project`) or in each category by itself
    (`category`); `by_category` has what each would allow, and `categories` counts the thresholds in force.

    While audits contradict the promise of the serving version it is `suspended`, and `reason` says how.
    """

    threshold: float | None = None
    share: float | None = None
    target_accuracy: float | None = None
    target: float | None = None
    certainty: float | None = None
    audits: int | None = None
    audits_needed: int | None = None
    by: str | None = None
    by_category: list[CategoryAutomation] = Field(default_factory=list)
    categories: int = 0
    suspended: bool = False
    reason: str | None = None


class Unanswered(Schema):
    """Blind audits that were asked for and not answered.

    Those `left` are some of the `waiting`: somebody had them in hand. Nobody is asked the others any more.
    """

    waiting: int = 0
    left: int = 0
    skipped: int = 0
    flagged: int = 0
    disputed: int = 0

    @property
    def passed_over(self) -> int:
        """How many somebody saw and did not answer."""
        return self.left + self.skipped + self.flagged + self.disputed


class Worst(Schema):
    """An accuracy if the machine were wrong on all audits that were passed over, with the low end of its interval."""

    accuracy: float
    low: float


class HonestAccuracy(Schema):
    """Accuracy from blind audits with its 95 % interval.

    Where answers to items that were not audited made it more precise it is `assisted`, else the interval is exact.
    `unanswered` are audits beside the `audited`, and `at_worst` is what they could make of it; in `passed_over` a point
    of a trend has how many of its time ended without an answer. `newer_items` is the share of the items that came after
    the newest audited one.
    """

    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    audited: int = 0
    assisted: bool = False
    model_version: int | None = None
    at: datetime | None = None
    unanswered: Unanswered | None = None
    at_worst: Worst | None = None
    newer_items: float = 0.0
    passed_over: int = 0


class LatestVersion(Schema):
    """The newest version and, in a sentence, what it got better at."""

    version: int
    status: str
    summary: str | None = None


class Stats(Schema):
    """Where a project stands; `serving_model` is the number of the version that answers (0: names alone)."""

    items: ItemCounts = Field(default_factory=ItemCounts)
    queue: QueueCounts = Field(default_factory=QueueCounts)
    decisions: DecisionCounts = Field(default_factory=DecisionCounts)
    serving_model: int | None = None
    training: TrainingState = Field(default_factory=TrainingState)
    automation: Automation = Field(default_factory=Automation)
    latest_model: LatestVersion | None = None
    jobs: list[Job] = Field(default_factory=list)
    accuracy: HonestAccuracy | None = None


class TrainedOn(Schema):
    """What a version learned from."""

    decisions: int = 0
    categories: int = 0


class Metrics(Schema):
    """How good a version is; None where nothing could be measured yet."""

    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    calibration_error: float | None = None
    measured_on: int | str | None = None
    passed_over: int | None = None


class Fields(Schema):
    """What records' fields brought beside their texts, on decisions held out of training; `used` if it was clear."""

    used: bool = False
    names: list[str] = Field(default_factory=list)
    gain: float = 0.0
    accuracy: float = 0.0
    accuracy_without: float = 0.0


class Version(Schema):
    """A version; `per_category` and `confusion` are filled when one version is asked for."""

    version: int
    status: str
    created_at: datetime | None = None
    trained_on: TrainedOn = Field(default_factory=TrainedOn)
    parent: int | None = None
    encoder: str | None = None
    metrics: Metrics | None = None
    automation: Automation | None = None
    artifact_sha256: str | None = None
    summary: str | None = None
    per_category: list[dict[str, Any]] = Field(default_factory=list)
    confusion: Any = None
    fields: Fields | None = None


class Flip(Schema):
    """An item whose answer changes from version `a` to version `b`; `truth` where a blind check tells."""

    item_id: str
    text: str = ""
    a: str = ""
    b: str = ""
    truth: str | None = None


class ComparedMetrics(Schema):
    """Both versions' figures on the same blind checks; None where there are none."""

    a: Metrics | None = None
    b: Metrics | None = None


class Comparison(Schema):
    """Two versions on the same blind checks and the same pool.

    `items` counts the blind checks that neither version learnt from, `only_a_right` and `only_b_right` those that one
    version alone gets right, `p_value` is the exact two-sided McNemar test of these two. Of `pool` items the answer of
    `changed` differs; `flips` are some of them.
    """

    a: int | None = None
    b: int | None = None
    items: int | None = None
    metrics: ComparedMetrics = Field(default_factory=ComparedMetrics)
    only_a_right: int = 0
    only_b_right: int = 0
    p_value: float | None = None
    b_is_worse: bool = False
    pool: int = 0
    changed: int = 0
    flips: list[Flip] = Field(default_factory=list)


class Said(Schema):
    """An answer."""

    category: str
    confidence: float


class Instead(Schema):
    """What the shadow says instead, and how often."""

    category: str
    count: int


class Differing(Schema):
    """Answers of the serving version that name a category, and how often the shadow differs."""

    category: str
    predictions: int = 0
    differing: int = 0
    share: float = 0.0
    instead: list[Instead] = Field(default_factory=list)


class ShadowExample(Schema):
    """A text that both versions were asked and answer differently."""

    prediction_id: str
    at: datetime | None = None
    text: str = ""
    serving: Said
    shadow: Said


class Shadow(Schema):
    """The version in shadow (None: there is none) against the serving one, on what callers sent since.

    `share` is the part of `predictions` that differ, `low` to `high` its exact 95 % interval; `trouble` says why the
    shadow cannot answer, if it cannot.
    """

    version: int | None = None
    serving: int = 0
    since: datetime | None = None
    predictions: int = 0
    differing: int = 0
    share: float | None = None
    low: float = 0.0
    high: float = 1.0
    by_category: list[Differing] = Field(default_factory=list)
    examples: list[ShadowExample] = Field(default_factory=list)
    trouble: str | None = None


class Health(Schema):
    """Whether the API process lives."""

    status: str


class Part(Schema):
    """One part that readiness looks at."""

    ok: bool
    count: int | None = None
    detail: str | None = None


class Readiness(Schema):
    """Whether everything the API needs is there, part by part."""

    status: str
    parts: dict[str, Part] = Field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether requests can be answered."""
        return self.status == "ready"


class Alert(Schema):
    """An alert, firing or resolved."""

    id: str | None = None
    name: str | None = None
    severity: str | None = None
    status: str | None = None
    summary: str | None = None
    project: str | None = None
    since: datetime | None = None
    resolved_at: datetime | None = None
    runbook: str | None = None
