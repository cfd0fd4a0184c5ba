"""What is needed to answer for a project, read anew only where something about it has changed.

A promotion, an archived category, a changed setting, an audit that suspends automation: each shows in the project's
row or in the number of its newest decision, which every request reads, in one short statement. So all of them hold
from the next request on, in every process, and nobody has to be told.
"""

import time
from typing import TYPE_CHECKING, cast

from sqlalchemy import bindparam, func, select

from models.at_hand import Ready, State
from models.errors import Missing
from models.heads import columns_of
from models.runtime import Runtime
from models.steps.accounts import KEY, Caller, program
from models.steps.projects import find_project, settings_of
from models.steps.shadow import beside
from models.steps.suspension import trusted
from models.store.queries.projects import categories_of
from models.store.quick import Look
from models.store.session import Database
from models.store.tables import ApiKeyRow, DecisionRow, ProjectRow
from models.vocabulary import Role

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_LONGEST = 10.0
"""Seconds after which all is read again in any case: a decision may be committed after one with a higher number."""

_SAID = (
    *ProjectRow.__table__.columns,
    select(func.max(DecisionRow.id)).where(DecisionRow.project_id == ProjectRow.id).scalar_subquery(),
)
_STATE = Look(select(*_SAID).where(ProjectRow.slug == bindparam("slug")), plain=0)
_BOTH = Look(
    select(*KEY, *_SAID)
    .select_from(ApiKeyRow)
    .outerjoin(ProjectRow, ProjectRow.slug == bindparam("slug"))
    .where(ApiKeyRow.key_hash == bindparam("key_hash")),
    plain=len(KEY),
)


def program_at(database: Database, digest: bytes, slug: str) -> tuple[Caller, bool, State | None]:
    """As `check_api_key`, and in the same breath what `ready` would ask of a project; None where there is none.

    Raises:
        Unauthenticated: the key is unknown, revoked or expired.
    """
    found = _BOTH.at(database, {"key_hash": digest, "slug": slug}) or ()
    key, state = found[: len(KEY)], found[len(KEY) :]
    return *program(key or None), (state if any(state) else None)


def ready(runtime: Runtime, caller: Caller, slug: str, number: int | None = None, seen: State | None = None) -> Ready:
    """The version that serves a project now, or the one of that number, and what it needs to answer.

    Args:
        seen: what the database said of the project a moment ago, where it was asked already.

    Raises:
        Missing: no such project, or no such version.
        TooFewCategories, NoVersion: nothing can answer yet.
        BundleBroken: the version's files fail their checks.
    """
    state = seen or _known(slug, _STATE.at(runtime.database, {"slug": slug}))
    found = runtime.at_hand.get((slug, number))
    if found is None or found.state != state or time.monotonic() - found.read_at > _LONGEST:
        found = _read(runtime, caller, slug, number)
        runtime.at_hand.put((slug, number), found)
    if found.closed and caller.role is not Role.ADMIN:
        with runtime.database.read() as session:
            find_project(session, caller, slug)
    return found


def _read(runtime: Runtime, caller: Caller, slug: str, number: int | None) -> Ready:
    began = time.monotonic()
    with runtime.database.read() as session:
        driver = cast("DBAPIConnection", session.connection().connection)
        state = _known(slug, _STATE.through(driver, runtime.database, {"slug": slug}))
        project = find_project(session, caller, slug)  # before anything else is said of it
        served = trusted(session, project, runtime.heads.get(session, project, number))
        categories = categories_of(session, project.id, archived=False)
        unheard = beside(runtime, session, project, categories) if number is None else None
    columns = columns_of(served, categories)
    return Ready(project, served, columns, unheard, settings_of(project).members_only, state, began)


def _known(slug: str, state: State | None) -> State:
    if state is None:
        raise Missing(f"there is no project {slug!r}")
    return state
