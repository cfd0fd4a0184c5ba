"""A category made of items that fit none so far, and people asked about what is like them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from models.errors import BadReference, Problem
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.accounts import Caller
from models.steps.projects import NewCategory, add_category, settings_of
from models.steps.queue import askable
from models.steps.requested import Urgency, request
from models.steps.reserve import is_reserved
from models.steps.score import pool_of
from models.store.tables import CategoryRow, ProjectRow

MOST_LIKE, MOST_ASKED = 100, 200
USUALLY_ASKED = 50

_WIDER = 0.85
"""What is asked about may be so much less like the middle than the least typical of the items given."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A new category, and the items that people are asked about because of it, likeliest first."""

    category: CategoryRow
    asked: list[int]


def make_category(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    project: ProjectRow,
    category: NewCategory,
    like: Sequence[int],
    ask: int,
) -> Newcomer:
    """Add a category and ask people, before all else that the queue would ask, about items that may belong to it.

    Nothing is decided by this: who answers may find that an item is something else. Items of the reserve for blind
    audits are left out, for their turn comes without a hint.

    Args:
        like: ids of items that are typical of it.
        ask: about how many items at most.

    Raises:
        AlreadyThere: the project has a category of that name.
        BadReference: one of the items is not there, or has not been read yet.
    """
    row = add_category(session, caller, project, category)
    pool = pool_of(runtime, session, project)
    places = pool.places(np.asarray(like, np.int64)) if pool is not None else np.empty(0, np.int64)
    if pool is None or len(places) < len(set(like)):
        message = "one of the items is not in this project, or has not been read yet"
        raise BadReference(message, problems=[Problem(("body", "item_ids"), message)])
    asked = _likely(session, project, pool, places, ask)
    request(session, project.id, asked, Urgency(), explanation=f"Asked because {row.name} is a new category.")
    return Newcomer(row, asked)


def _likely(
    session: Session, project: ProjectRow, pool: Pool, like: np.ndarray[tuple[int], np.dtype[np.int64]], ask: int
) -> list[int]:
    given = pool.rows(like)
    middle = given.mean(axis=0)
    middle /= max(float(np.linalg.norm(middle)), 1e-12)
    reserved = is_reserved(project.salt, pool.item_ids, settings_of(project).audit_rate)
    places = np.flatnonzero(askable(session, project, pool) & ~reserved)
    if not ask or not len(places):
        return []
    likeness = pool.rows(places) @ middle
    near = likeness >= _WIDER * float((given @ middle).min())
    order = np.argsort(-likeness[near], kind="stable")[:ask]
    found: list[int] = pool.item_ids[places[near][order]].tolist()
    return found
