"""Many at once: groups of like items, and the map."""

from typing import Self

from pydantic import Field

from api.schemas.base import Output, OutputId
from models.steps.atlas import Point
from models.steps.groups import LikeGroup, Member
from models.vocabulary import ItemState

_EXCERPT = 600


class MemberOut(Output):
    """An item of a group."""

    item_id: OutputId
    external_id: str | None
    excerpt: str = Field(description="The beginning of its text.")
    confidence: float

    @classmethod
    def of(cls, one: Member) -> Self:
        """From the domain's member."""
        item = one.item
        return cls(
            item_id=str(item.id),
            external_id=item.external_id,
            excerpt=item.text[:_EXCERPT],
            confidence=one.prediction.confidence,
        )


class GroupOut(Output):
    """Items that would get the same answer."""

    category: str
    categories: list[str]
    likeness: float | None = Field(description="Mean cosine to the first item; null where the items were chosen.")
    model_version: int
    items: list[MemberOut]

    @classmethod
    def of(cls, one: LikeGroup) -> Self:
        """From the domain's group."""
        return cls(
            category=one.categories[0],
            categories=one.categories,
            likeness=one.likeness,
            model_version=one.members[0].prediction.number,
            items=[MemberOut.of(member) for member in one.members],
        )


class GroupsOut(Output):
    """The groups, those first of which one look settles most."""

    items: list[GroupOut]


class PointOut(Output):
    """An item on the map; `category` is the decided one, else the predicted one."""

    item_id: OutputId
    x: float
    y: float
    category: str | None
    confidence: float | None
    state: ItemState

    @classmethod
    def of(cls, one: Point) -> Self:
        """From the domain's point."""
        return cls(
            item_id=str(one.item_id),
            x=round(one.x, 4),
            y=round(one.y, 4),
            category=one.category,
            confidence=None if one.confidence is None else round(one.confidence, 4),
            state=one.state,
        )


class MapOut(Output):
    """Items laid out so that what is alike lies together: a random sample where there are more than were asked for."""

    total: int = Field(description="Items that could be on it.")
    items: list[PointOut]
