"""What answers for projects, kept at hand in a process; `models.steps.ready` sees that it is never out of date."""

from dataclasses import dataclass
from typing import Any

from models.heads import Columns, Served
from models.store.tables import ProjectRow

State = tuple[Any, ...]
"""What the database says of a project: its row, and the number of its newest decision."""


@dataclass(frozen=True, slots=True)
class Ready:
    """All that a version needs to answer for a project. The rows belong to no session: they are only read.

    Attributes:
        served: the version, as far as it may be believed.
        columns: the categories in use.
        shadow: the version that answers beside it unheard, and the categories it may answer with; if there is one.
        closed: the project exists for its members alone.
        state: what the database said when this was read: while it says the same, this is good.
        read_at: when that was, on the monotonic clock.
    """

    project: ProjectRow
    served: Served
    columns: Columns
    shadow: tuple[Served, Columns] | None
    closed: bool
    state: State
    read_at: float
