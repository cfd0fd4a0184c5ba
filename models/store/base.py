"""What every row has in common."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

from models.store.types import BigId, UtcDateTime, utc_now


class Row(DeclarativeBase):
    """A row. Constraints are named by rule, so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime()}


def constraints(*items: SchemaItem) -> tuple[Any, ...]:
    """Table arguments. SQLite is told never to number a row like one that is gone."""
    return (*items, {"sqlite_autoincrement": True})


class Numbered:
    """A row with an id of its own and the moment it came to be."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


def one_of(values: type[StrEnum]) -> str:
    """An SQL list of an enum's values, for check constraints."""
    return ", ".join(f"'{value.value}'" for value in values)
