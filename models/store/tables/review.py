"""What is asked, what was answered, and what programs were told."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json
from models.vocabulary import Action, ItemState, Reason, Source, Verdict


class TaskRow(Numbered, Row):
    """A question in the queue. Open until decided; held by one caller while leased.

    Where several people are to answer an item, it has a task for each of them.

    Attributes:
        slot: which of these tasks it is, from 0.
        reviews: how many people are to answer the item; answers count only together where it is more than one.
        rank: place in the queue, lowest first; what programs ask for comes before all else.
        inclusion_probability: the chance with which this item was drawn, where it was drawn by chance.
        explanation: the sentence that tells a reviewer why it is asked.
        predicted_*: what the machine said when the task was leased; what the reviewer saw unless blind.
        lease_expires_at: until when it is `holder`'s alone.
        deadline: when the program that asked waits no longer; nobody is asked on its behalf from then on.
    """

    __tablename__ = "task"
    __table_args__ = constraints(
        Index(None, "project_id", "open", "rank"),
    )

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(BigId, ForeignKey("item.id", ondelete="CASCADE"), index=True)
    reason: Mapped[Reason] = mapped_column(Enumerated(Reason))
    slot: Mapped[int] = mapped_column(default=0, server_default="0")
    reviews: Mapped[int] = mapped_column(default=1, server_default="1")
    open: Mapped[bool] = mapped_column(default=True)
    rank: Mapped[int]
    score: Mapped[float | None]
    inclusion_probability: Mapped[float | None]
    explanation: Mapped[str] = mapped_column(Text, default="")
    holder: Mapped[str | None] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime | None]
    deadline: Mapped[datetime | None]
    predicted_number: Mapped[int | None]
    predicted_category_id: Mapped[int | None] = mapped_column(BigId)
    predicted_category_ids: Mapped[list[int] | None] = mapped_column(Json)
    predicted_confidence: Mapped[float | None]


class DecisionRow(Numbered, Row):
    """What somebody decided. Append-only: undo is a new row that supersedes.

    Attributes:
        actor: `user:<id>` or `key:<id>`; `actor_name` is what it was called then.
        blind: the machine's answer was not shown.
        partial: one answer of several; by itself it says nothing of the item, and while others are waited for it is
            kept from them.
        previous_id, previous_state: what was in force before, so that undo can put it back.
        supersedes_id: for an undo, the decision that it takes back.
    """

    __tablename__ = "decision"
    __table_args__ = constraints(
        UniqueConstraint("project_id", "actor", "idempotency_key"),
        Index(None, "project_id", "id"),
        Index(None, "project_id", "reason", "id"),
        Index(None, "project_id", "action", "created_at"),
        UniqueConstraint("supersedes_id"),
    )

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    item_id: Mapped[int] = mapped_column(BigId, ForeignKey("item.id", ondelete="CASCADE"), index=True)
    task_id: Mapped[int | None] = mapped_column(BigId)
    action: Mapped[Action] = mapped_column(Enumerated(Action))
    source: Mapped[Source] = mapped_column(Enumerated(Source))
    actor: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    reason: Mapped[Reason | None] = mapped_column(Enumerated(Reason))
    inclusion_probability: Mapped[float | None]
    blind: Mapped[bool] = mapped_column(default=False)
    partial: Mapped[bool] = mapped_column(default=False, server_default=false())
    predicted_number: Mapped[int | None]
    predicted_category_id: Mapped[int | None] = mapped_column(BigId)
    predicted_category_ids: Mapped[list[int] | None] = mapped_column(Json)
    predicted_confidence: Mapped[float | None]
    seconds: Mapped[float | None]
    note: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    previous_id: Mapped[int | None] = mapped_column(BigId)
    previous_state: Mapped[ItemState] = mapped_column(Enumerated(ItemState))
    supersedes_id: Mapped[int | None] = mapped_column(BigId)


class DecisionCategoryRow(Row):
    """A category that a decision gives; for `single` projects there is one at most."""

    __tablename__ = "decision_category"

    decision_id: Mapped[int] = mapped_column(BigId, ForeignKey("decision.id", ondelete="CASCADE"), primary_key=True)
    category_id: Mapped[int] = mapped_column(BigId, ForeignKey("category.id"), primary_key=True, index=True)


class PredictionRow(Row):
    """An answer given to a program, kept for a while so that feedback can name it.

    Attributes:
        shadow_number: the version that answered beside it without being heard, if one did; `shadow_agrees`: its whole
            answer was the same.
    """

    __tablename__ = "prediction"
    __table_args__ = (Index(None, "project_id", "created_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    number: Mapped[int]
    category_id: Mapped[int] = mapped_column(BigId)
    confidence: Mapped[float]
    verdict: Mapped[Verdict] = mapped_column(Enumerated(Verdict))
    shadow_number: Mapped[int | None]
    shadow_category_id: Mapped[int | None] = mapped_column(BigId)
    shadow_confidence: Mapped[float | None]
    shadow_agrees: Mapped[bool | None]
    text: Mapped[str] = mapped_column(Text)
    fields: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    external_id: Mapped[str | None] = mapped_column(String(255))
    item_id: Mapped[int | None] = mapped_column(BigId, index=True)
    actor: Mapped[str] = mapped_column(String(64))


Index(
    "uq_task_item_slot_open",
    TaskRow.item_id,
    TaskRow.slot,
    unique=True,
    sqlite_where=text("open = 1"),
    postgresql_where=text("open"),
)
Index(
    "uq_task_item_holder_open",
    TaskRow.item_id,
    TaskRow.holder,
    unique=True,
    sqlite_where=text("open = 1"),
    postgresql_where=text("open"),
)
