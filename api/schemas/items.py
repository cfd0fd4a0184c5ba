"""Items, predictions and feedback."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.base import Moment, Output, OutputId, Schema
from models.errors import Invalid, Place, Problem
from models.learn.explain import FieldWeight, WordWeight
from models.steps.items import Stored
from models.steps.predictions import Prediction
from models.steps.reasons import NOTHING
from models.steps.serve import Neighbour, Why
from models.store.tables import DecisionRow, ItemRow, PredictionRow, ProjectRow
from models.vocabulary import Action, ItemState, Source, Verdict

MAX_ITEMS = 1000
ExternalId = Annotated[str, Field(min_length=1, max_length=255)]
CategoryName = Annotated[str, Field(min_length=1, max_length=200)]
Note = Annotated[str, Field(max_length=10_000)]


class RecordIn(Schema):
    """A record: its text, or the fields that hold it."""

    id: ExternalId | None = Field(default=None, description="The client's own id.")
    text: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict, max_length=4096)


class ItemIn(RecordIn):
    """A record to be stored, with its category where that is known."""

    category: CategoryName | None = None


class ItemsIn(Schema):
    """Records to be stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"id": "T-1", "text": "I was charged twice"}]}]}
    )

    items: list[ItemIn] = Field(min_length=1, max_length=MAX_ITEMS)


class AddedOut(Output):
    """What became of a record."""

    id: OutputId
    external_id: str | None
    status: Literal["added", "duplicate"]


class ItemsOut(Output):
    """What became of the records, in order."""

    added: int
    duplicate: int
    items: list[AddedOut]

    @classmethod
    def of(cls, stored: Sequence[Stored]) -> Self:
        """From the outcomes."""
        added = sum(one.added for one in stored)
        return cls(
            added=added,
            duplicate=len(stored) - added,
            items=[
                AddedOut(
                    id=str(one.item_id),
                    external_id=one.external_id,
                    status="added" if one.added else "duplicate",
                )
                for one in stored
            ],
        )


class RankedOut(Output):
    """A category and how sure the machine is of it."""

    category: str
    confidence: float


class WordOut(Output):
    """A word, where it stands in the text, and how much it speaks for the answer (below 0: against)."""

    word: str
    start: int
    end: int
    weight: float

    @classmethod
    def of(cls, one: WordWeight) -> Self:
        """From the domain's weight."""
        return cls(word=one.text, start=one.start, end=one.end, weight=one.weight)


class FieldWeightOut(Output):
    """A field of the record, and how much it speaks for the answer (below 0: against)."""

    field: str
    weight: float

    @classmethod
    def of(cls, one: FieldWeight) -> Self:
        """From the domain's weight."""
        return cls(field=one.field, weight=one.weight)


class SaidOut(Output):
    """What the machine says about an item."""

    category: str
    categories: list[str]
    confidence: float
    top: list[RankedOut]
    model_version: int
    decision: Verdict | None = None

    @classmethod
    def of(cls, said: Prediction, decision: Verdict | None = None) -> Self:
        """From the domain's prediction."""
        return cls(
            category=said.category.name,
            categories=[one.name for one in said.categories],
            confidence=said.confidence,
            top=ranked(said),
            model_version=said.number,
            decision=decision,
        )


class OldSaidOut(Output):
    """What the machine had said of an item before it was decided."""

    category: str
    confidence: float | None
    model_version: int | None

    @classmethod
    def of(cls, row: DecisionRow, names: Mapping[int, str]) -> "OldSaidOut | None":
        """From the decision's row; None where nothing was said."""
        name = names.get(row.predicted_category_id or 0)
        if name is None:
            return None
        return cls(category=name, confidence=row.predicted_confidence, model_version=row.predicted_number)


class DecisionOut(Output):
    """A decision as the history keeps it."""

    id: OutputId
    item_id: OutputId
    action: Action
    source: Source
    categories: list[str]
    reviewer: str
    reason: str | None
    blind: bool
    note: str | None
    seconds: float | None
    supersedes: OutputId | None
    created_at: Moment
    said: OldSaidOut | None = Field(description="What the machine had said; in view unless `blind`.")

    @classmethod
    def of(cls, row: DecisionRow, categories: list[str], names: Mapping[int, str]) -> Self:
        """From its row, the names of its categories, and those of all categories by id."""
        return cls(**decision_fields(row, categories, names))


class DecisionDetail(DecisionOut):
    """A decision, and the first version that learnt from it; null while none has."""

    learnt_by: int | None

    @classmethod
    def about(cls, row: DecisionRow, categories: list[str], names: Mapping[int, str], learnt_by: int | None) -> Self:
        """From its row and the version's number."""
        return cls(**decision_fields(row, categories, names), learnt_by=learnt_by)


class ItemOut(Output):
    """An item on a list; `category` is the decided one."""

    id: OutputId
    external_id: str | None
    text: str
    fields: dict[str, Any]
    state: ItemState
    category: str | None
    categories: list[str]
    prediction: SaidOut | None
    created_at: Moment

    @classmethod
    def of(cls, row: ItemRow, categories: list[str], prediction: SaidOut | None) -> Self:
        """From its row, its decided categories and what the machine says."""
        return cls(**item_fields(row, categories, prediction))


class NeighbourOut(Output):
    """A decided item that is like this one; `similarity` is a cosine."""

    item_id: OutputId
    text: str
    category: str
    similarity: float

    @classmethod
    def of(cls, one: Neighbour) -> Self:
        """From the domain's neighbour."""
        return cls(item_id=str(one.item_id), text=one.text, category=one.category, similarity=one.similarity)


class ItemDetail(ItemOut):
    """An item with its history and the machine's reasons."""

    decisions: list[DecisionOut]
    neighbours: list[NeighbourOut]
    words: list[WordOut]
    field_weights: list[FieldWeightOut] = Field(
        default_factory=list, description="Fields that weigh, if the version uses any; strongest first."
    )

    @classmethod
    def about(
        cls,
        row: ItemRow,
        categories: list[str],
        why: Why,
        decisions: list[DecisionOut],
        sent: PredictionRow | None = None,
    ) -> Self:
        """From its row and its reasons.

        Args:
            sent: what the caller sent, where it may see no more than that: what tells of other records is left out.
        """
        said = None if why.prediction is None else SaidOut.of(why.prediction, why.verdict)
        told = item_fields(row, categories, said)
        weighed = why.weights
        if sent is not None:
            told |= {"external_id": sent.external_id, "text": sent.text, "fields": sent.fields}
            if (sent.text, sent.fields) != (row.text, row.fields):
                weighed = NOTHING
        return cls(
            **told,
            decisions=decisions,
            neighbours=[NeighbourOut.of(one) for one in why.neighbours] if sent is None else [],
            words=[WordOut.of(one) for one in weighed.words],
            field_weights=[FieldWeightOut.of(one) for one in weighed.fields],
        )


def item_fields(row: ItemRow, categories: list[str], prediction: SaidOut | None) -> dict[str, Any]:
    """What every answer about an item holds."""
    return {
        "id": str(row.id),
        "external_id": row.external_id,
        "text": row.text,
        "fields": row.fields,
        "state": row.state,
        "category": categories[0] if categories else None,
        "categories": categories,
        "prediction": prediction,
        "created_at": row.created_at,
    }


def decision_fields(row: DecisionRow, categories: list[str], names: Mapping[int, str]) -> dict[str, Any]:
    """What every answer about a decision holds."""
    return {
        "id": str(row.id),
        "item_id": str(row.item_id),
        "action": row.action,
        "source": row.source,
        "categories": categories,
        "reviewer": row.actor_name,
        "reason": None if row.reason is None else row.reason.value,
        "blind": row.blind,
        "note": row.note,
        "seconds": row.seconds,
        "supersedes": None if row.supersedes_id is None else str(row.supersedes_id),
        "created_at": row.created_at,
        "said": OldSaidOut.of(row, names),
    }


def ranked(said: Prediction) -> list[RankedOut]:
    """The likeliest categories, best first."""
    return [RankedOut(category=name, confidence=confidence) for name, confidence in said.top]


def text_of(record: RecordIn, project: ProjectRow, place: int, max_chars: int) -> str:
    """A record's text: given, or joined from the project's text fields, or from every field that is text or a number.

    Raises:
        Invalid: there is none, or it is too long.
    """
    text = record.text
    if text is None:
        names = project.text_fields or [name for name, value in record.fields.items() if isinstance(value, str)]
        if not names:  # a record of numbers is its own text
            names = [name for name, value in record.fields.items() if type(value) in {int, float}]
        parts = [str(record.fields[name]) for name in names if record.fields.get(name) is not None]
        text = "\n".join(part for part in parts if part.strip())
    if not text.strip():
        rule = "has no text: give `text`, or `fields` with the project's text fields"
        raise Invalid("A record has no text.", problems=[Problem(("body", "items", place), rule)])
    return not_too_long(text, ("body", "items", place, "text"), max_chars)


def not_too_long(text: str, where: Place, max_chars: int) -> str:
    """The text. Raises Invalid where it is longer than the operator allows."""
    if len(text) > max_chars:
        rule = f"has more than {max_chars} characters"
        raise Invalid("A text is too long.", problems=[Problem(where, rule)])
    return text
