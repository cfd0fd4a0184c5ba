"""A project, its categories and its members."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json
from models.vocabulary import Surgery, TaskKind


class EncoderRow(Numbered, Row):
    """An encoder by its full name: what it is, of which revision, at which precision."""

    __tablename__ = "encoder"
    __table_args__ = constraints(UniqueConstraint("name"))

    name: Mapped[str] = mapped_column(String(200))
    dimensions: Mapped[int]


class ProjectRow(Numbered, Row):
    """A set of categories, the items sorted into them, and the version that serves now.

    Attributes:
        serving_number: the alias; 0 stands for the categories' own names and descriptions.
        shadow_number: the version that answers beside it without being heard, since `shadow_since`.
        next_number: the number the next version will bear. Numbers are never used twice.
        erasures: how often an item was erased; local copies of vectors from before are made anew.
        categories_mark: differs after every change of the categories, so that one look tells whether a copy is good.
        quick_encoder_id: the encoder of the quick vectors that it works with while the full ones are not complete.
        salt: makes the order of audits unpredictable from outside and fixed inside.
    """

    __tablename__ = "project"
    __table_args__ = constraints(UniqueConstraint("slug"))

    slug: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    task: Mapped[TaskKind] = mapped_column(Enumerated(TaskKind), default=TaskKind.SINGLE)
    text_fields: Mapped[list[str]] = mapped_column(Json, default=list)
    settings: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    salt: Mapped[str] = mapped_column(String(32))
    serving_number: Mapped[int] = mapped_column(default=0)
    shadow_number: Mapped[int | None]
    shadow_since: Mapped[datetime | None]
    next_number: Mapped[int] = mapped_column(default=1)
    erasures: Mapped[int] = mapped_column(default=0)
    categories_mark: Mapped[str] = mapped_column(String(16), default="")
    quick_encoder_id: Mapped[int | None] = mapped_column(BigId)


class CategoryRow(Numbered, Row):
    """A category. `name_key` is the name without regard to case, unique in its project.

    Attributes:
        merged_into_id: the category that decisions of this one count for since the two were merged. The decisions
            themselves stay as they were made, so that a merger can be taken back.
    """

    __tablename__ = "category"
    __table_args__ = constraints(UniqueConstraint("project_id", "name_key"))

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    parent_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("category.id", ondelete="SET NULL"), index=True)
    shortcut: Mapped[str | None] = mapped_column(String(1))
    archived: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[int | None] = mapped_column(BigId)


class CategoryChangeRow(Numbered, Row):
    """A change of a project's categories, append-only but for its being taken back.

    Attributes:
        before, after: the fields that changed, as they were and as they became; for a split, what it made.
        says: what it meant, in sentences.
    """

    __tablename__ = "category_change"
    __table_args__ = constraints(Index(None, "project_id", "id"))

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    category_id: Mapped[int] = mapped_column(BigId, ForeignKey("category.id", ondelete="CASCADE"), index=True)
    kind: Mapped[Surgery] = mapped_column(Enumerated(Surgery))
    before: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    says: Mapped[list[str]] = mapped_column(Json, default=list)
    actor: Mapped[str] = mapped_column(String(64))
    actor_name: Mapped[str] = mapped_column(String(100))
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(100))


class MemberRow(Row):
    """A person's membership; it matters where the project's `members_only` is set."""

    __tablename__ = "member"

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("user.id", ondelete="CASCADE"), primary_key=True, index=True)
