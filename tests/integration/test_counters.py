"""How many items there are is read from counters. They are right whoever writes, and nobody waits for them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from models.store.queries.counters import ItemCounts, item_counts
from models.store.schema import migrate, take_back
from models.store.session import Database
from models.store.tables import EncoderRow, ItemCounterRow, ItemRow, ProjectRow
from models.vocabulary import ItemState
from tests.counting import counted_anew

WRITERS, CHANGES = 4, 15


def add_project(database: Database, slug: str = "counted") -> int:
    with database.transaction() as session:
        project = ProjectRow(slug=slug, name=slug, salt="0" * 32)
        session.add(project)
        session.flush()
        return project.id


def rows_of(project_id: int, count: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"project_id": project_id, "text": str(number), "fingerprint": number.to_bytes(16, "big")}
        for number in range(first, first + count)
    ]


def told(database: Database, project_id: int) -> ItemCounts:
    with database.read() as session:
        found = item_counts(session, project_id)
        assert found == counted_anew(session, project_id)
        return found


def test_every_change_is_counted(database: Database) -> None:
    project_id, other = add_project(database), add_project(database, "other")
    assert told(database, project_id) == ItemCounts()
    with database.transaction() as session:
        session.execute(insert(ItemRow), [*rows_of(project_id, 7), *rows_of(other, 2)])
        session.add(EncoderRow(name="some", dimensions=2))
    assert told(database, project_id).waiting == 7
    with database.transaction() as session:
        encoder_id = session.scalar(select(EncoderRow.id))
        first, second, *_ = session.scalars(
            select(ItemRow.id).where(ItemRow.project_id == project_id).order_by(ItemRow.id)
        ).all()
        session.execute(update(ItemRow).where(ItemRow.id > first).values(encoder_id=encoder_id))
        session.execute(update(ItemRow).where(ItemRow.id == first).values(state=ItemState.DECIDED))
        session.execute(update(ItemRow).where(ItemRow.id == second).values(state=ItemState.FLAGGED, text="others"))
    found = told(database, project_id)
    assert (found.waiting, found.of(), found.of(ItemState.DECIDED), found.of(ItemState.FLAGGED)) == (1, 7, 1, 1)
    with database.transaction() as session:
        session.execute(delete(ItemRow).where(ItemRow.id.in_([first, second])))
    found = told(database, project_id)
    assert (found.waiting, found.of(), found.of(ItemState.UNDECIDED)) == (0, 5, 5)
    assert told(database, other) == ItemCounts({**ItemCounts().by_state, ItemState.UNDECIDED: 2}, 0)


def test_what_is_taken_back_was_never_counted(database: Database) -> None:
    project_id = add_project(database)
    with database.transaction() as session:
        begun = session.begin_nested()
        session.execute(insert(ItemRow), rows_of(project_id, 3))
        assert item_counts(session, project_id).of() == 3
        begun.rollback()
    assert told(database, project_id) == ItemCounts()


def test_a_project_takes_its_counters_with_it(database: Database) -> None:
    project_id = add_project(database)
    with database.transaction() as session:
        session.execute(insert(ItemRow), rows_of(project_id, 3))
    with database.transaction() as session:
        session.delete(session.get_one(ProjectRow, project_id))
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemCounterRow)) == 0


@pytest.mark.parametrize("backend", ["postgresql"])
def test_writers_do_not_wait_for_each_others_counters(database: Database) -> None:
    project_id = add_project(database)
    with database.transaction() as session:
        session.execute(insert(ItemRow), rows_of(project_id, 2))
    with database.transaction() as one, database.transaction() as other:
        other.execute(text("SET LOCAL lock_timeout = '20s'"))  # instead of waiting for ever, as one thread would
        for session, place in ((one, 0), (other, 1), (one, 1), (other, 0)):
            session.execute(insert(ItemRow), rows_of(project_id, 1, first=10 + 10 * place + (session is one)))
    assert told(database, project_id).of() == 6
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemCounterRow)) == 2


def test_nothing_is_lost_between_writers_at_once(database: Database) -> None:
    project_id = add_project(database)
    with database.transaction() as session:
        session.execute(insert(ItemRow), rows_of(project_id, WRITERS * CHANGES))
        ids = list(session.scalars(select(ItemRow.id)))

    def work(number: int) -> None:
        for place in range(CHANGES):
            mine = ids[number * CHANGES + place]
            with database.transaction() as session:
                state = ItemState.FLAGGED if place % 3 else ItemState.DECIDED
                session.execute(update(ItemRow).where(ItemRow.id == mine).values(state=state))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    assert told(database, project_id).of(ItemState.FLAGGED) == WRITERS * CHANGES * 2 // 3
    with database.read() as session:
        assert (session.scalar(select(func.count()).select_from(ItemCounterRow)) or 0) <= WRITERS


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    opened = Database(empty_database_url)
    yield opened
    opened.close()


def test_what_was_there_before_is_counted_once(empty: Database) -> None:
    migrate(empty)
    project_id, bare = add_project(empty), add_project(empty, "bare")
    with empty.transaction() as session:
        session.execute(insert(ItemRow), rows_of(project_id, 5))
    take_back(empty, "0014q")
    migrate(empty)
    assert told(empty, project_id).of() == 5
    with empty.transaction() as session:
        session.execute(insert(ItemRow), [*rows_of(project_id, 2, first=5), *rows_of(bare, 1)])
    assert told(empty, project_id).waiting == 7
    assert told(empty, bare).waiting == 1
