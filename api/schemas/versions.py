"""Versions, and how good they are."""

from dataclasses import asdict
from typing import Any, Self

from pydantic import Field

from api.schemas.base import Moment, Output, OutputId, Schema
from models.learn.automation import Automation
from models.learn.evaluation import Evaluation
from models.steps.comparison import Comparison
from models.steps.hold_out import Allowed
from models.steps.monitor import Accuracy
from models.store.tables import VersionRow
from models.vocabulary import AutomationBy, VersionStatus

CERTAINTY = 0.95
"""With which the automation threshold keeps its promise."""


class TrainedOn(Output):
    """What a version learnt from."""

    decisions: int
    categories: int


class MetricsOut(Output):
    """Figures on blind audits that the version was not trained on."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    measured_on: int = Field(description="How many blind audits these figures come from.")
    passed_over: int | None = Field(
        default=None,
        description="How many audits beside these had been passed over when the version was measured: given back, "
        "skipped, flagged or in dispute. Null where that was not counted.",
    )

    @classmethod
    def stored(cls, kept: dict[str, Any] | None) -> Self | None:
        """From what a version's row keeps."""
        if not kept or "accuracy" not in kept:  # nothing was measured: no audit was held out
            return None
        known = {name: kept[name] for name in cls.model_fields if name not in {"measured_on", "passed_over"}}
        on = kept["measured_on"]
        return cls(**known, measured_on=int(on["items"]), passed_over=on.get("passed_over"))

    @classmethod
    def of(cls, found: Evaluation | None) -> Self | None:
        """From a fresh evaluation."""
        if found is None:
            return None
        return cls(
            accuracy=found.accuracy,
            accuracy_low=found.accuracy_low,
            accuracy_high=found.accuracy_high,
            macro_f1=found.macro_f1,
            log_loss=found.log_loss,
            calibration_error=found.calibration_error,
            measured_on=found.n,
        )


class FieldsOut(Output):
    """What the records' fields brought beside the texts, on decisions that were held out of training."""

    used: bool = Field(description="Whether they clearly helped; else the version goes by the texts alone.")
    names: list[str]
    gain: float = Field(description="How much less surprised by a decision (log loss, in nats) answers were with them.")
    accuracy: float = Field(description="Of the answers with them; where items have several categories, of whole sets.")
    accuracy_without: float

    @classmethod
    def stored(cls, kept: dict[str, Any] | None) -> Self | None:
        """From what a version's row keeps; None where no field could be learnt from."""
        told = (kept or {}).get("fields")
        if told is None:
            return None
        return cls(
            used=told["used"],
            names=told["names"],
            gain=told["gain"],
            accuracy=told["accuracy"],
            accuracy_without=told["without"],
        )


class ThresholdOut(Output):
    """From which confidence answers go without a person, and which share of the pool that is."""

    threshold: float | None
    share: float | None


class VersionOut(Output):
    """A version; version 0 stands for the categories' names and descriptions."""

    version: int
    status: VersionStatus
    created_at: Moment | None
    trained_on: TrainedOn
    parent: int | None
    encoder: str | None
    metrics: MetricsOut | None
    automation: ThresholdOut
    artifact_sha256: str | None
    summary: str | None
    error: str | None
    fields: FieldsOut | None = None

    @classmethod
    def of(cls, row: VersionRow, encoders: dict[int, str]) -> Self:
        """From its row and the encoders' names."""
        return cls(**version_fields(row, encoders))

    @classmethod
    def zero(cls, *, serving: bool) -> Self:
        """Version 0, which has no row."""
        return cls(
            version=0,
            status=VersionStatus.SERVING if serving else VersionStatus.RETIRED,
            created_at=None,
            trained_on=TrainedOn(decisions=0, categories=0),
            parent=None,
            encoder=None,
            metrics=None,
            automation=ThresholdOut(threshold=None, share=None),
            artifact_sha256=None,
            summary="It answers from the categories' names and descriptions.",
            error=None,
        )


class VersionDetail(VersionOut):
    """A version with its figures by category."""

    per_category: list[dict[str, Any]]
    confusion: Any

    @classmethod
    def about(cls, row: VersionRow, encoders: dict[int, str]) -> Self:
        """From its row and the encoders' names."""
        report = row.report or {}
        return cls(
            **version_fields(row, encoders),
            per_category=report.get("per_category", []),
            confusion=report.get("confusion"),
        )


def version_fields(row: VersionRow, encoders: dict[int, str]) -> dict[str, Any]:
    """What every answer about a version holds."""
    automated = row.automation or {}
    return {
        "version": row.number,
        "status": row.status,
        "created_at": row.created_at,
        "trained_on": TrainedOn(decisions=row.trained_decisions, categories=row.trained_categories),
        "parent": row.parent,
        "encoder": encoders.get(row.encoder_id),
        "metrics": MetricsOut.stored(row.metrics),
        "automation": ThresholdOut(threshold=automated.get("threshold"), share=automated.get("share")),
        "artifact_sha256": row.sha256,
        "summary": row.summary,
        "error": row.error,
        "fields": FieldsOut.stored(row.metrics),
    }


class PromoteIn(Schema):
    """Why."""

    reason: str | None = Field(default=None, max_length=2000)


class FlipOut(Output):
    """An item whose answer changes; `truth` where a blind audit tells."""

    item_id: OutputId
    text: str
    a: str
    b: str
    truth: str | None


class ComparedMetrics(Output):
    """Both versions' figures on the same audits."""

    a: MetricsOut | None
    b: MetricsOut | None


class ComparisonOut(Output):
    """Two versions on the same blind audits, and the items whose answer changes."""

    a: int
    b: int
    items: int = Field(description="Blind audits that both versions were measured on.")
    metrics: ComparedMetrics
    only_a_right: int
    only_b_right: int
    p_value: float = Field(description="Exact two-sided McNemar test.")
    b_is_worse: bool
    pool: int
    changed: int
    flips: list[FlipOut]

    @classmethod
    def of(cls, found: Comparison) -> Self:
        """From the domain's comparison."""
        return cls(
            a=found.a,
            b=found.b,
            items=found.audits,
            metrics=ComparedMetrics(a=MetricsOut.of(found.metrics_a), b=MetricsOut.of(found.metrics_b)),
            only_a_right=found.only_a,
            only_b_right=found.only_b,
            p_value=found.p_value,
            b_is_worse=found.b_is_worse,
            pool=found.pool,
            changed=found.changed,
            flips=[
                FlipOut(item_id=str(one.item_id), text=one.text, a=one.a, b=one.b, truth=one.truth)
                for one in found.flips
            ],
        )


class AccuracyOut(Output):
    """Accuracy from the blind audits of a day or week, with its exact 95 % interval."""

    at: Moment
    accuracy: float
    low: float
    high: float
    audited: int
    model_version: int
    passed_over: int = Field(
        description="How many audits of that time were skipped or flagged, or are in dispute: if these are the hard "
        "ones, the accuracy is too high."
    )

    @classmethod
    def of(cls, found: Accuracy) -> Self:
        """From the domain's figure."""
        return cls(
            at=found.at,
            accuracy=found.accuracy,
            low=found.low,
            high=found.high,
            audited=found.audited,
            model_version=found.number,
            passed_over=found.passed_over,
        )


class CategoryAutomationOut(Output):
    """What could go without a person of the answers that name a category; `share` is of these answers."""

    category: str
    threshold: float | None
    share: float | None
    audits: int
    audits_needed: int | None

    @classmethod
    def of(cls, category: str, found: Automation) -> Self:
        """From the domain's finding."""
        return cls(category=category, **asdict(found))


class AutomationOut(Output):
    """What could go without a person at a target accuracy: by one threshold, or by one for each category."""

    target: float
    threshold: float | None
    share: float | None
    certainty: float
    audits: int
    audits_needed: int | None
    by: AutomationBy = Field(description="Which of both the project wants: `project` or `category`.")
    by_category: list[CategoryAutomationOut]
    suspended: bool = Field(description="Whether audits contradict the promise that the serving version made.")
    reason: str | None = Field(description="How they do.")

    @classmethod
    def of(cls, by: AutomationBy, found: Allowed, suspended: str | None) -> Self:
        """From the domain's finding, and why automation is suspended now."""
        return cls(
            by=by,
            by_category=[CategoryAutomationOut.of(*one) for one in found.by_category],
            suspended=suspended is not None,
            reason=suspended,
            target=found.target,
            threshold=found.whole.threshold,
            share=found.whole.share,
            certainty=CERTAINTY,
            audits=found.whole.audits,
            audits_needed=found.whole.audits_needed,
        )
