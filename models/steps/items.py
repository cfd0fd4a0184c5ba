"""Storing records as items: what is there already is counted, not stored twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.text import Marks, marks
from models.store.tables import ItemRow, ProjectRow
from models.store.types import utc_now
from models.store.upsert import insert_many
from models.store.words import indexed
from models.vocabulary import ItemState

_LOOK_UP = 500
_OWN = ("external_id", "text", "fields", "fingerprint", "words")


@dataclass(frozen=True, slots=True)
class Asked:
    """A record that somebody asks about."""

    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewItem(Asked):
    """A record on its way in.

    Attributes:
        category: what it arrives with, by name.
        marks: what the text is known and found by.
    """

    category: str | None = None
    marks: Marks = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Found here and not while a transaction waits."""
        object.__setattr__(self, "marks", marks(self.text))


class Stored(NamedTuple):
    """What became of a record: the item it is now, or the one that it repeats."""

    item_id: int
    external_id: str | None
    added: bool


def store(
    session: Session,
    project_id: int,
    items: Sequence[NewItem],
    *,
    import_id: int | None = None,
    all_new: bool = False,
) -> list[Stored]:
    """Store what is new. One outcome for each record, in order.

    Args:
        all_new: hardly any is there already, which makes it quicker if it is so.
    """
    wanted: dict[bytes, tuple[Any, ...]] = {}
    place_of: dict[bytes, int] = {}
    ids_taken: set[str] = set()
    # One at a time per project: two that insert the same records in another order would block each other for good.
    session.execute(select(ProjectRow.id).where(ProjectRow.id == project_id).with_for_update(key_share=True))
    for place, item in enumerate(items):
        mark, found = item.marks
        if mark in wanted or item.external_id in ids_taken:
            continue
        place_of[mark] = place
        if item.external_id is not None:
            ids_taken.add(item.external_id)
        wanted[mark] = (item.external_id, item.text, item.fields, mark, indexed(project_id, found))
    shared = {
        "created_at": utc_now(),
        "project_id": project_id,
        "import_id": import_id,
        "state": ItemState.UNDECIDED,
    }
    fresh = insert_many(session, ItemRow, _OWN, list(wanted.values()), shared, ItemRow.fingerprint, all_new=all_new)
    added = {bytes(mark): item_id for mark, item_id in fresh.items()}
    if len(added) == len(items):
        return [Stored(added[item.marks.fingerprint], item.external_id, added=True) for item in items]
    prints = [item.marks.fingerprint for item in items]
    by_mark, by_id = _present(session, project_id, items, prints, set(added))
    for mark, item_id in added.items():
        name = items[place_of[mark]].external_id
        by_mark[mark] = (item_id, name)
        if name is not None:
            by_id[name] = (item_id, name)
    outcomes: list[Stored | None] = []
    for place, (item, mark) in enumerate(zip(items, prints, strict=True)):
        if mark in added and place_of[mark] == place:
            outcomes.append(Stored(added[mark], item.external_id, added=True))
        else:
            known = by_id.get(item.external_id or "") or by_mark.get(mark)
            outcomes.append(Stored(known[0], known[1], added=False) if known else None)
    return _settled(session, project_id, items, outcomes, import_id)


def _settled(
    session: Session,
    project_id: int,
    items: Sequence[NewItem],
    outcomes: Sequence[Stored | None],
    import_id: int | None,
) -> list[Stored]:
    """Store again what was held back for a twin that then turned out to be a duplicate by its id."""
    open_ones = [place for place, outcome in enumerate(outcomes) if outcome is None]
    settled = dict(
        zip(
            open_ones,
            store(session, project_id, [items[place] for place in open_ones], import_id=import_id) if open_ones else [],
            strict=True,
        )
    )
    return [outcome or settled[place] for place, outcome in enumerate(outcomes)]


def _present(
    session: Session,
    project_id: int,
    items: Sequence[NewItem],
    prints: Sequence[bytes],
    added: set[bytes],
) -> tuple[dict[bytes, tuple[int, str | None]], dict[str, tuple[int, str | None]]]:
    """The items that the repeated records repeat, by text and by external id."""
    marks = [mark for mark in dict.fromkeys(prints) if mark not in added]
    names = [
        item.external_id
        for item, mark in zip(items, prints, strict=True)
        if item.external_id is not None and mark not in added
    ]
    by_mark: dict[bytes, tuple[int, str | None]] = {}
    by_id: dict[str, tuple[int, str | None]] = {}
    columns = select(ItemRow.id, ItemRow.external_id, ItemRow.fingerprint).where(ItemRow.project_id == project_id)
    for start in range(0, len(marks), _LOOK_UP):
        found = columns.where(ItemRow.fingerprint.in_(marks[start : start + _LOOK_UP]))
        for item_id, external_id, mark in session.execute(found):
            by_mark[bytes(mark)] = (item_id, external_id)
    for start in range(0, len(names), _LOOK_UP):
        found = columns.where(ItemRow.external_id.in_(names[start : start + _LOOK_UP]))
        by_id |= {name: (item_id, name) for item_id, name, _ in session.execute(found) if name is not None}
    return by_mark, by_id
