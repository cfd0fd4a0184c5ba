"""A project at a glance, and what should worry somebody."""

from typing import Self

from pydantic import Field

from api.schemas.base import Moment, Output
from api.schemas.versions import ThresholdOut
from models.steps.alerts import Known
from models.vocabulary import Alert, AutomationBy, JobStatus, VersionStatus


class ItemCounts(Output):
    """How many items there are, and how far they are."""

    total: int
    embedded: int
    quick: bool = Field(description="Whether all works on quick vectors until `embedded` reaches `total`.")
    decided: int
    flagged: int
    disputed: int


class QueueCounts(Output):
    """Tasks that wait, and tasks in somebody's hands."""

    open: int
    leased: int


class DecisionCounts(Output):
    """Decisions in all, today, and those in force by category."""

    total: int
    today: int
    by_category: dict[str, int]


class TrainingOut(Output):
    """Whether a version is in training, how far the next one is, and why the last training made none, if so."""

    running: bool
    decisions_since_last: int
    retrain_every: int
    held_up_by: str | None


class PromisedOut(ThresholdOut):
    """What goes without a person now; nothing while audits contradict the promise, and `reason` says how."""

    by: AutomationBy = Field(description="Whether the target holds for all of them together or in each category.")
    categories: int = Field(description="How many categories have a threshold of their own that is in force.")
    audits: int
    audits_needed: int | None
    target_accuracy: float
    suspended: bool
    reason: str | None


class LatestOut(Output):
    """The newest version; `summary` says in a sentence what it changed."""

    version: int
    status: VersionStatus
    summary: str | None
    error: str | None


class UnansweredOut(Output):
    """Blind audits beside those that the accuracy was measured on."""

    waiting: int = Field(description="Asked for now; they may still be answered.")
    left: int = Field(description="Of those that wait, the ones that somebody had in hand and did not answer.")
    skipped: int
    flagged: int
    disputed: int = Field(description="People answered differently, and nobody has settled it yet.")


class WorstOut(Output):
    """The accuracy if the machine were wrong on all audits that somebody passed over."""

    accuracy: float
    low: float


class HonestOut(Output):
    """The serving version on the blind audits that it was not trained on."""

    accuracy: float
    low: float
    high: float
    audited: int
    assisted: bool = Field(description="Whether answers to items that were not audited made it more precise.")
    model_version: int
    unanswered: UnansweredOut
    at_worst: WorstOut = Field(
        description="Were the machine wrong on all that are left, skipped, flagged or disputed; the same where none is."
    )
    newer_items: float = Field(
        description="Share of the items that came after the newest audited one: the figure does not speak of them."
    )


class RunningOut(Output):
    """A job that waits or runs."""

    id: str
    kind: str
    status: JobStatus
    progress: dict[str, int | None]


class StatsOut(Output):
    """A project at a glance; `serving_model` is null while nothing can answer."""

    items: ItemCounts
    queue: QueueCounts
    decisions: DecisionCounts
    serving_model: int | None
    training: TrainingOut
    automation: PromisedOut
    latest_model: LatestOut | None
    accuracy: HonestOut | None
    jobs: list[RunningOut]


class AlertOut(Output):
    """Something that somebody should look at, or had to lately."""

    id: str = Field(description="The same from its firing to its end.")
    name: Alert
    severity: str = Field(description="`critical` or `warning`.")
    status: str = Field(description="`firing` or `resolved`.")
    summary: str
    project: str | None = Field(description="Slug of the project it is about; null where it is the whole system.")
    since: Moment = Field(description="When its condition was first seen.")
    resolved_at: Moment | None
    runbook: str = Field(description="The page that says what to do, below `docs/runbooks`.")

    @classmethod
    def of(cls, found: Known) -> Self:
        """From what is remembered."""
        return cls(
            id=found.id,
            name=found.name,
            severity=found.severity,
            status="firing" if found.resolved_at is None else "resolved",
            summary=found.detail,
            project=found.project,
            since=found.since,
            resolved_at=found.resolved_at,
            runbook=found.name.runbook,
        )
