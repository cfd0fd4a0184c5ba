"""What crosses HTTP for those who answer for it: the work done, lineage, erasures, the audit log."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from winnow.schemas import Schema


class Day(Schema):
    """What one reviewer did on one day (UTC)."""

    day: date
    reviewer: str
    decisions: int = 0


class Pace(Schema):
    """How long a decision takes a reviewer."""

    reviewer: str
    median_seconds: float


class Throughput(Schema):
    """What people did lately; `median_seconds` is None where no time was measured."""

    days: list[Day] = Field(default_factory=list)
    reviewers: list[Pace] = Field(default_factory=list)
    median_seconds: float | None = None


class ShareOfWork(Schema):
    """Whose decisions, whence, and how many."""

    name: str
    source: str
    decisions: int = 0


class Move(Schema):
    """A promotion or a rollback."""

    at: datetime
    actor: str
    name: str | None = None
    from_version: int
    to_version: int
    is_rollback: bool = False
    reason: str | None = None


class Lineage(Schema):
    """Where a version comes from: whose decisions it learnt from, and when it served."""

    version: int
    parent: int | None = None
    decision_high_water: str = ""
    decided_by: list[ShareOfWork] = Field(default_factory=list)
    moves: list[Move] = Field(default_factory=list)


class Checked(Schema):
    """A blind audit that a version did not learn from, and what the version says of the item."""

    item_id: str
    external_id: str | None = None
    excerpt: str = ""
    truth: list[str] = Field(default_factory=list)
    answered: list[str] = Field(default_factory=list)
    confidence: float = 0.0


class Erased(Schema):
    """An erased item and what is left of it (all zero where it is gone)."""

    item_id: str
    erased_at: datetime
    erased_by: str = ""
    left: dict[str, int] = Field(default_factory=dict)
    versions_before: list[int] = Field(default_factory=list)


class LogEntry(Schema):
    """An entry of the audit log."""

    id: str
    at: datetime
    actor: str
    name: str | None = None
    action: str
    subject: str
    detail: dict[str, Any] | None = None


class CallerUse(Schema):
    """What a caller has used of its limits in the present window."""

    caller: str
    name: str
    used: dict[str, int] = Field(default_factory=dict)


class Limits(Schema):
    """How often each caller may ask in a window, and who has asked how often."""

    window_seconds: int = 60
    limits: dict[str, int] = Field(default_factory=dict)
    callers: list[CallerUse] = Field(default_factory=list)
