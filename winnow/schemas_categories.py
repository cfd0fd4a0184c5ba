"""What crosses HTTP about changes of categories, and guidelines."""

from datetime import datetime
from typing import Any

from pydantic import Field

from winnow.schemas import Category, Schema


class Effect(Schema):
    """What a change means: in numbers, and in sentences (`says`)."""

    decisions: int = 0
    audits: int = 0
    moved: int = 0
    asked: int = 0
    versions: list[int] = Field(default_factory=list)
    threshold: float | None = None
    trains: bool = False
    says: list[str] = Field(default_factory=list)


class CategoryChanged(Schema):
    """A change that was made; without an id where it was only looked at, or nothing differed."""

    id: str | None = None
    category_id: str
    new_id: str | None = None
    effect: Effect


class CategoryChange(Schema):
    """A change of a category, as the history keeps it."""

    id: str
    category_id: str
    kind: str
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    says: list[str] = Field(default_factory=list)
    by: str = ""
    created_at: datetime | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None


class GuidelineExample(Schema):
    """A decided item that shows what the category is, or is not."""

    item_id: str
    text: str
    categories: list[str] = Field(default_factory=list)
    note: str | None = None


class GuidelineQuestion(Schema):
    """Something about the category that is not settled (`flagged`, `disputed`), or a `note`."""

    kind: str
    item_id: str
    text: str
    note: str | None = None
    who: str = ""
    at: datetime | None = None


class Guideline(Schema):
    """A category as people use it."""

    category: Category
    above: list[str] = Field(default_factory=list)
    below: list[Category] = Field(default_factory=list)
    decided: int = 0
    typical: list[GuidelineExample] = Field(default_factory=list)
    near_misses: list[GuidelineExample] = Field(default_factory=list)
    questions: list[GuidelineQuestion] = Field(default_factory=list)
