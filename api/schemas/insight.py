"""What people did, where versions come from, what was erased, and who did what."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from pydantic import Field

from api.schemas.base import Moment, Output, OutputId
from models.steps.erasure import Erased
from models.steps.lineage import Checked, Lineage
from models.steps.throughput import Throughput
from models.store.tables import AuditLogRow, PromotionRow
from models.vocabulary import Source

_EXCERPT = 300


class DayOut(Output):
    """What one reviewer did on one day (UTC)."""

    day: date
    reviewer: str
    decisions: int


class PaceOut(Output):
    """How long a decision takes a reviewer."""

    reviewer: str
    median_seconds: float


class ThroughputOut(Output):
    """What people did lately; days without work are left out."""

    days: list[DayOut]
    reviewers: list[PaceOut]
    median_seconds: float | None = Field(description="Median seconds for a decision; null where none was measured.")

    @classmethod
    def of(cls, found: Throughput) -> Self:
        """From the domain's figures."""
        return cls(
            days=[DayOut(day=one.day, reviewer=one.reviewer, decisions=one.decisions) for one in found.days],
            reviewers=[PaceOut(reviewer=name, median_seconds=took) for name, took in found.pace.items()],
            median_seconds=found.median_seconds,
        )


class ShareOfWorkOut(Output):
    """Whose decisions, whence, and how many."""

    name: str
    source: Source
    decisions: int


class MoveOut(Output):
    """A promotion or a rollback."""

    at: Moment
    actor: str
    name: str | None
    from_version: int
    to_version: int
    is_rollback: bool
    reason: str | None

    @classmethod
    def of(cls, row: PromotionRow, names: Mapping[str, str]) -> Self:
        """From its row and what callers are called."""
        return cls(
            at=row.created_at,
            actor=row.actor,
            name=names.get(row.actor),
            from_version=row.from_number,
            to_version=row.to_number,
            is_rollback=row.is_rollback,
            reason=row.reason,
        )


class LineageOut(Output):
    """Where a version comes from."""

    version: int
    parent: int | None
    decision_high_water: OutputId
    decided_by: list[ShareOfWorkOut]
    moves: list[MoveOut]

    @classmethod
    def of(cls, found: Lineage, names: Mapping[str, str]) -> Self:
        """From the domain's finding and what callers are called."""
        row = found.version
        return cls(
            version=row.number,
            parent=row.parent,
            decision_high_water=str(row.decision_high_water),
            decided_by=[ShareOfWorkOut(name=name, source=source, decisions=n) for name, source, n in found.decided_by],
            moves=[MoveOut.of(one, names) for one in found.moves],
        )


class CheckedOut(Output):
    """A blind audit that the version did not learn from, and what the version says of the item."""

    item_id: OutputId
    external_id: str | None
    excerpt: str
    truth: list[str]
    answered: list[str]
    confidence: float

    @classmethod
    def of(cls, one: Checked) -> Self:
        """From the domain's finding."""
        return cls(
            item_id=str(one.item.id),
            external_id=one.item.external_id,
            excerpt=one.item.text[:_EXCERPT],
            truth=one.truth,
            answered=one.answered,
            confidence=one.confidence,
        )


class ErasedOut(Output):
    """An erased item, and what is left of it: all zero where it is gone."""

    item_id: OutputId
    erased_at: Moment
    erased_by: str
    left: dict[str, int]
    versions_before: list[int] = Field(description="Versions trained before; later ones cannot know the item.")

    @classmethod
    def of(cls, one: Erased, names: Mapping[str, str]) -> Self:
        """From the domain's finding and what callers are called."""
        return cls(
            item_id=str(one.item_id),
            erased_at=one.at,
            erased_by=names.get(one.actor, one.actor),
            left=one.left,
            versions_before=one.versions_before,
        )


class LogOut(Output):
    """An entry of the audit log."""

    id: OutputId
    at: Moment
    actor: str
    name: str | None
    action: str
    subject: str
    detail: dict[str, Any] | None

    @classmethod
    def of(cls, row: AuditLogRow, names: Mapping[str, str]) -> Self:
        """From its row and what callers are called."""
        return cls(
            id=str(row.id),
            at=row.created_at,
            actor=row.actor,
            name=names.get(row.actor),
            action=row.action,
            subject=row.subject,
            detail=row.detail,
        )
