"""What crosses HTTP about many items at once: groups and the map."""

from pydantic import Field

from winnow.schemas import Schema


class Member(Schema):
    """An item of a group, with the beginning of its text."""

    item_id: str
    external_id: str | None = None
    excerpt: str = ""
    confidence: float = 0.0


class Group(Schema):
    """Like items that would get the same answer; `likeness` is None where the items were chosen."""

    category: str
    categories: list[str] = Field(default_factory=list)
    likeness: float | None = None
    model_version: int = 0
    items: list[Member] = Field(default_factory=list)


class Groups(Schema):
    """Groups, those first of which one look settles most."""

    items: list[Group] = Field(default_factory=list)


class Point(Schema):
    """An item on the map (`x` and `y` from -1 to 1); `category` is the decided one, else the predicted one."""

    item_id: str
    x: float
    y: float
    category: str | None = None
    confidence: float | None = None
    state: str = ""


class Map(Schema):
    """Items laid out on a plane; a random sample of `total`."""

    total: int = 0
    items: list[Point] = Field(default_factory=list)
