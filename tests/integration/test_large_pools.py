"""What a page costs does not grow with the pool: the database goes to its rows by an index and sorts nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, event, select
from sqlalchemy.orm import Session

from models.pool.vectors import Pool
from models.steps.accounts import SYSTEM
from models.steps.rounds import askable
from models.store.base import Row
from models.store.queries.items import ItemFilter, every_item, items_page, matching_ids
from models.store.session import Database
from models.store.tables import TaskRow
from models.vocabulary import ItemState

READS: dict[str, Callable[[Session], object]] = {
    "the newest": lambda session: items_page(session, 1, ItemFilter()),
    "a later page": lambda session: items_page(session, 1, ItemFilter(), after=1000),
    "of a state": lambda session: items_page(session, 1, ItemFilter(ItemState.DECIDED)),
    "ids of a state": lambda session: matching_ids(session, 1, ItemFilter(ItemState.FLAGGED), limit=10),
    "an export": lambda session: list(every_item(session, 1)),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_page_is_not_sorted(database: Database, name: str) -> None:
    asked: list[tuple[str, tuple]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    with database.read() as session:
        READS[name](session)
    statements = [(statement, values) for statement, values in asked if statement.startswith("SELECT")]
    assert statements
    with database.read() as session:
        for statement, values in statements:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = [row[3] for row in plan]
            assert all(not step.startswith(("SCAN", "USE TEMP B-TREE")) for step in steps), steps


@pytest.mark.parametrize("backend", ["sqlite"])
def test_questions_are_handed_out_without_reading_all_of_them(database: Database) -> None:
    free = select(TaskRow.id).where(TaskRow.project_id == 1, TaskRow.open.is_(True), askable(SYSTEM.key))
    with database.read() as session:
        compiled = free.compile(database.engine, compile_kwargs={"literal_binds": True})
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert [row[3] for row in plan if row[3].startswith("SCAN")] == []


def test_what_goes_with_another_row_is_found_by_an_index() -> None:
    for table in Row.metadata.tables.values():
        whole = [one for one in table.indexes if one.dialect_options["sqlite"]["where"] is None]
        whole += [one for one in table.constraints if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)]
        first = {next(iter(one.columns)).name for one in whole}
        assert {key.parent.name for key in table.foreign_keys if key.ondelete} <= first, table.name


def test_likeness_is_the_dot_product_with_every_item(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((70_000, 16), np.float32).astype(np.float16)
    pool = Pool(tmp_path, np.arange(1, len(vectors) + 1), vectors)
    wanted = vectors[69_999].astype(np.float32)
    np.testing.assert_allclose(pool.likeness(wanted), vectors.astype(np.float32) @ wanted, rtol=1e-5, atol=1e-4)
