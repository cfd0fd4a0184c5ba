"""What was learnt, and who served when."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json
from models.vocabulary import VersionStatus


class VersionRow(Numbered, Row):
    """A trained version.

    Attributes:
        decision_high_water: it learnt from decisions up to this id and from none above.
        audit_high_water: of audits, it learnt only from those up to this id; the later ones are its hold-out.
        snapshot: what else it was made from: the categories in their words, how many items had vectors, and so on.
        job_id: the job that trains it; a job that is run again after a crash goes on with its own row.
        bundle: folder of the bundle, relative to the artifacts; `sha256` is of its manifest.
        summary: a sentence for people about what changed with it.
    """

    __tablename__ = "version"
    __table_args__ = constraints(UniqueConstraint("project_id", "number"), UniqueConstraint("job_id"))

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    number: Mapped[int]
    status: Mapped[VersionStatus] = mapped_column(Enumerated(VersionStatus))
    parent: Mapped[int | None]
    encoder_id: Mapped[int] = mapped_column(BigId, ForeignKey("encoder.id"))
    job_id: Mapped[str] = mapped_column(String(32))
    decision_high_water: Mapped[int] = mapped_column(BigId)
    audit_high_water: Mapped[int] = mapped_column(BigId)
    snapshot: Mapped[dict[str, Any] | None] = mapped_column(Json)
    trained_decisions: Mapped[int] = mapped_column(default=0)
    trained_categories: Mapped[int] = mapped_column(default=0)
    metrics: Mapped[dict[str, Any] | None] = mapped_column(Json)
    report: Mapped[dict[str, Any] | None] = mapped_column(Json)
    automation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    bundle: Mapped[str | None] = mapped_column(String(255))
    sha256: Mapped[str | None] = mapped_column(String(64))
    summary: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None]


class PromotionRow(Numbered, Row):
    """A move of the alias. Append-only; a rollback is one too, and says so."""

    __tablename__ = "promotion"
    __table_args__ = constraints(Index(None, "project_id", "id"))

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    from_number: Mapped[int]
    to_number: Mapped[int]
    is_rollback: Mapped[bool] = mapped_column(default=False)
    actor: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(Text)
