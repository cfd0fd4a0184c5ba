"""How many items there are: read from the counters that triggers keep, however many they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.store.tables import ItemCounterRow
from models.vocabulary import ItemState

_STATES = {state: getattr(ItemCounterRow, state.value) for state in ItemState}
_SUMS = [func.sum(column) for column in (*_STATES.values(), ItemCounterRow.waiting)]
_BY_PROJECT = select(ItemCounterRow.project_id, *_SUMS).group_by(ItemCounterRow.project_id)


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """A project's items.

    Attributes:
        by_state: how many are in each state.
        waiting: how many of them have no vector yet.
    """

    by_state: dict[ItemState, int] = field(default_factory=lambda: dict.fromkeys(ItemState, 0))
    waiting: int = 0

    def of(self, state: ItemState | None = None) -> int:
        """How many are in a state; all of them where none is named."""
        return sum(self.by_state.values()) if state is None else self.by_state[state]


def item_counts(session: Session, project_id: int) -> ItemCounts:
    """A project's items, as this transaction sees them."""
    return _told(session, [project_id]).get(project_id, ItemCounts())


def item_counts_of_all(session: Session) -> dict[int, ItemCounts]:
    """The same of every project, by its id."""
    return _told(session, None)


def _told(session: Session, project_ids: Iterable[int] | None) -> dict[int, ItemCounts]:
    query = _BY_PROJECT if project_ids is None else _BY_PROJECT.where(ItemCounterRow.project_id.in_(project_ids))
    return {
        project_id: ItemCounts(dict(zip(_STATES, map(int, sums[:-1]), strict=True)), int(sums[-1]))
        for project_id, *sums in session.execute(query)
    }
