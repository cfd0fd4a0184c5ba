"""What somebody had to look at, from the first sight of it to its end."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated
from models.vocabulary import Alert


class AlertRow(Numbered, Row):
    """An alert. `created_at` is when its condition was first seen.

    Attributes:
        subject: what it is about: `` for the whole system, `project:7`, `job:embed`; one of a name and subject is open.
        detail: what was seen, as of the newest look while it was open.
        fired_at: when it had held long enough; None before.
        seen_at: when the condition was last seen to hold.
        resolved_at: when the condition was gone; what never fired is deleted instead.
    """

    __tablename__ = "alert"
    __table_args__ = constraints(Index(None, "resolved_at"))

    name: Mapped[Alert] = mapped_column(Enumerated(Alert))
    subject: Mapped[str] = mapped_column(String(64), default="")
    project_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"), index=True)
    detail: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]


Index(
    "uq_alert_name_subject_open",
    AlertRow.name,
    AlertRow.subject,
    unique=True,
    sqlite_where=AlertRow.resolved_at.is_(None),
    postgresql_where=AlertRow.resolved_at.is_(None),
)
