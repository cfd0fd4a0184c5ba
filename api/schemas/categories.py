"""Changes of categories, and guidelines."""

from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from api.schemas.base import InputId, Moment, Output, OutputId, Schema
from api.schemas.projects import CategoryChanges, CategoryOut, Description, Name, Shortcut
from models.numbers import Flag, numbers
from models.steps.categories import Wanted
from models.steps.effects import Effect
from models.steps.guidelines import Example, Guideline, Question
from models.store.tables import CategoryChangeRow
from models.vocabulary import Surgery

MAX_PICKED = 1_000
MAX_ASKED = 900

_OF_KIND = {
    Surgery.EDIT: {"name", "description", "parent_id", "shortcut", "archived"},
    Surgery.MERGE: {"into_id"},
    Surgery.SPLIT: {"name", "description", "item_ids", "ask"},
}
_NEEDED = {Surgery.EDIT: set[str](), Surgery.MERGE: {"into_id"}, Surgery.SPLIT: {"name", "item_ids"}}


class CategoryChangeIn(Schema):
    """What is to be done to a category, and what that kind of change needs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "edit", "name": "Invoices"},
                {"kind": "merge", "into_id": "2"},
                {"kind": "split", "name": "Refunds", "item_ids": ["17", "21"], "ask": 200},
            ]
        }
    )

    _numbers = numbers("ask")
    kind: Surgery
    name: Name | None = None
    description: Description | None = None
    parent_id: InputId | None = None
    shortcut: Shortcut | None = None
    archived: Flag | None = None
    into_id: InputId | None = Field(default=None, description="For a merger: the category that stays.")
    item_ids: list[InputId] | None = Field(
        default=None, min_length=1, max_length=MAX_PICKED, description="For a split: the items that go."
    )
    ask: int | None = Field(
        default=None, ge=0, le=MAX_ASKED, description="For a split: how many of the others people are asked again."
    )

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        given = self.model_fields_set - {"kind"}
        strange = given - _OF_KIND[self.kind]
        lacking = {name for name in _NEEDED[self.kind] if getattr(self, name) is None}
        if strange or lacking:
            said = [f"takes no {name}" for name in sorted(strange)] + [f"needs {name}" for name in sorted(lacking)]
            message = f"`{self.kind.value}` {' and '.join(said)}"
            raise ValueError(message)
        return self

    def wanted(self) -> Wanted:
        """As the domain takes it."""
        if self.kind is Surgery.EDIT:
            fields = self.model_dump(exclude_unset=True, exclude={"kind"})
            return Wanted(self.kind, CategoryChanges.model_construct(set(fields), **fields).given())
        return Wanted(
            self.kind,
            {},
            into_id=self.into_id,
            name=self.name or "",
            description=self.description or "",
            item_ids=self.item_ids or (),
            ask=self.ask or 0,
        )


class EffectOut(Output):
    """What a change means: in numbers, and in sentences."""

    decisions: int = Field(description="Items that have the category.")
    audits: int = Field(description="Blind audits among them.")
    moved: int
    asked: int
    versions: list[int] = Field(description="Versions that know the category, newest first.")
    threshold: float | None = Field(description="The automation threshold that the change puts in question.")
    trains: bool
    says: list[str]

    @classmethod
    def of(cls, effect: Effect) -> Self:
        """From the domain's effect."""
        return cls(
            decisions=effect.decisions,
            audits=effect.audits,
            moved=effect.moved,
            asked=effect.asked,
            versions=effect.versions,
            threshold=effect.threshold,
            trains=effect.trains,
            says=effect.says,
        )


class MadeOut(Output):
    """A change that was made, or with `dry_run` only looked at: then it has no id."""

    id: OutputId | None
    category_id: OutputId
    new_id: OutputId | None = Field(description="The category that a split made.")
    effect: EffectOut

    @classmethod
    def of(cls, category_id: int, made: CategoryChangeRow | None, effect: Effect) -> Self:
        """From what the domain did."""
        new_id = None if made is None else made.after.get("new_id")
        return cls(
            id=None if made is None else str(made.id),
            category_id=str(category_id),
            new_id=None if new_id is None else str(new_id),
            effect=EffectOut.of(effect),
        )


class CategoryChangeOut(Output):
    """A change of a category, as the history keeps it."""

    id: OutputId
    category_id: OutputId
    kind: Surgery
    before: dict[str, Any]
    after: dict[str, Any]
    says: list[str]
    by: str
    created_at: Moment
    undone_at: Moment | None
    undone_by: str | None

    @classmethod
    def of(cls, row: CategoryChangeRow) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            category_id=str(row.category_id),
            kind=row.kind,
            before=row.before,
            after={name: value for name, value in row.after.items() if name != "asked"},
            says=row.says,
            by=row.actor_name,
            created_at=row.created_at,
            undone_at=row.undone_at,
            undone_by=row.undone_by,
        )


class ExampleOut(Output):
    """A decided item that shows what the category is, or is not."""

    item_id: OutputId
    text: str
    categories: list[str]
    note: str | None

    @classmethod
    def of(cls, one: Example) -> Self:
        """From the domain's example."""
        return cls(item_id=str(one.item_id), text=one.text, categories=one.categories, note=one.note)


class QuestionOut(Output):
    """Something about the category that is not settled, or that somebody noted."""

    kind: Literal["flagged", "disputed", "note"]
    item_id: OutputId
    text: str
    note: str | None
    who: str
    at: Moment

    @classmethod
    def of(cls, one: Question) -> Self:
        """From the domain's question."""
        kind: Any = one.kind
        return cls(kind=kind, item_id=str(one.item_id), text=one.text, note=one.note, who=one.who, at=one.at)


class GuidelineOut(Output):
    """A category as people use it: its words, examples for and against, open questions."""

    category: CategoryOut
    above: list[str]
    below: list[CategoryOut]
    decided: int
    typical: list[ExampleOut]
    near_misses: list[ExampleOut]
    questions: list[QuestionOut]

    @classmethod
    def of(cls, found: Guideline) -> Self:
        """From the domain's guideline."""
        return cls(
            category=CategoryOut.of(found.category),
            above=found.above,
            below=[CategoryOut.of(one) for one in found.below],
            decided=found.decided,
            typical=[ExampleOut.of(one) for one in found.typical],
            near_misses=[ExampleOut.of(one) for one in found.near_misses],
            questions=[QuestionOut.of(one) for one in found.questions],
        )
