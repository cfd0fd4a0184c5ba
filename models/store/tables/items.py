"""Records as they came in, what was turned away, and the vectors."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.store.base import Numbered, Row, constraints
from models.store.types import BigId, Enumerated, Json, Words
from models.vocabulary import ItemState, JobStatus


class ImportRow(Numbered, Row):
    """One file that came in. The counters move in the transaction that stores the rows they count."""

    __tablename__ = "import"
    __table_args__ = constraints()

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"), index=True)
    filename: Mapped[str] = mapped_column(String(255))
    path: Mapped[str] = mapped_column(String(500))
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    status: Mapped[JobStatus] = mapped_column(Enumerated(JobStatus), default=JobStatus.QUEUED)
    rows_added: Mapped[int] = mapped_column(default=0)
    rows_duplicate: Mapped[int] = mapped_column(default=0)
    rows_rejected: Mapped[int] = mapped_column(default=0)
    actor: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)

    @property
    def rows_read(self) -> int:
        """Every row seen is one of three things."""
        return self.rows_added + self.rows_duplicate + self.rows_rejected

    @property
    def note(self) -> str | None:
        """What was particular about the file; it stands beside how it was to be read."""
        note = self.options.get("note")
        return note if isinstance(note, str) else None


class RejectRow(Numbered, Row):
    """A row that was not taken, and why."""

    __tablename__ = "reject"
    __table_args__ = constraints(Index(None, "import_id", "line"))

    import_id: Mapped[int] = mapped_column(BigId, ForeignKey("import.id", ondelete="CASCADE"))
    line: Mapped[int]
    column: Mapped[int | None]
    code: Mapped[str] = mapped_column(String(50))
    message: Mapped[str] = mapped_column(Text)
    row: Mapped[str] = mapped_column(Text)


class ItemRow(Numbered, Row):
    """A record to be sorted.

    Attributes:
        fingerprint: 16 bytes of the normalised text; the same text is the same item.
        encoder_id: whose vector it has; NULL means that it waits for one.
        decision_id: the decision in force, if any; `state` follows from it.
        words: by which it is found, see `models.store.words`; NULL where a process of an earlier release stored it.
    """

    __tablename__ = "item"
    __table_args__ = constraints(
        UniqueConstraint("project_id", "fingerprint"),
        UniqueConstraint("project_id", "external_id"),
        Index(None, "project_id", "state", "id"),
        Index(None, "project_id", "id"),
    )

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    external_id: Mapped[str | None] = mapped_column(String(255))
    text: Mapped[str] = mapped_column(Text)
    fields: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(16))
    import_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("import.id", ondelete="SET NULL"), index=True)
    encoder_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("encoder.id"))
    state: Mapped[ItemState] = mapped_column(Enumerated(ItemState), default=ItemState.UNDECIDED)
    decision_id: Mapped[int | None] = mapped_column(BigId)
    words: Mapped[str | None] = mapped_column(Words, deferred=True)


class ItemCounterRow(Row):
    """How many items of a project are in each state; a project's number is the sum over its counters.

    Triggers keep them, in the transaction that changes the items. On SQLite a project has one. On PostgreSQL it has as
    many as have ever written at the same time: each takes one that nobody holds, so that writers do not wait for each
    other.

    Attributes:
        waiting: those of any state that have no vector yet.
    """

    __tablename__ = "item_counter"
    __table_args__ = constraints(Index(None, "project_id", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"))
    undecided: Mapped[int] = mapped_column(BigInteger)
    decided: Mapped[int] = mapped_column(BigInteger)
    flagged: Mapped[int] = mapped_column(BigInteger)
    disputed: Mapped[int] = mapped_column(BigInteger)
    waiting: Mapped[int] = mapped_column(BigInteger)


class VectorRow(Row):
    """An item's vector: the one true copy. `position` is dense per project and encoder.

    Positions are given out under the project's lock, so whoever has read up to position p has read
    everything below it: a local copy of the vectors catches up without gaps.
    """

    __tablename__ = "vector"
    __table_args__ = (UniqueConstraint("item_id", "encoder_id"),)

    project_id: Mapped[int] = mapped_column(BigId, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True)
    encoder_id: Mapped[int] = mapped_column(BigId, ForeignKey("encoder.id"), primary_key=True)
    position: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(BigId)
    data: Mapped[bytes] = mapped_column(LargeBinary)


Index(
    "ix_item_unembedded",
    ItemRow.project_id,
    ItemRow.id,
    sqlite_where=ItemRow.encoder_id.is_(None),
    postgresql_where=ItemRow.encoder_id.is_(None),
)
Index(
    "ix_item_wordless",
    ItemRow.id,
    sqlite_where=ItemRow.words.is_(None),
    postgresql_where=ItemRow.words.is_(None),
)
Index("ix_item_words", ItemRow.words, postgresql_using="gin").ddl_if(dialect="postgresql")
