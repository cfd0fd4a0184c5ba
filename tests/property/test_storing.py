"""Storing records: each has one outcome, nothing is stored twice, the counts add up."""

import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from models.learn.text import fingerprint
from models.steps.accounts import SYSTEM
from models.steps.items import NewItem, store
from models.steps.projects import create_project
from models.store import upsert
from models.store.session import Database
from models.store.tables import ItemRow

RECORDS = st.builds(
    NewItem,
    text=st.sampled_from(("a", "A", " a ", "b", "ﬁ", "fi", "c", "d")),
    external_id=st.sampled_from((None, "1", "2", "3", "4")),
)
BLOCKS = st.lists(st.lists(RECORDS, max_size=12), min_size=1, max_size=4)


@pytest.fixture(params=["few", "many"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few records go in by themselves, many by a table of their own."""
    monkeypatch.setattr(upsert, "FEW", 1_000 if request.param == "few" else 0)


@pytest.mark.usefixtures("way")
@given(blocks=BLOCKS)
@settings(max_examples=60)
def test_every_record_has_one_outcome(database: Database, blocks: list[list[NewItem]]) -> None:
    with database.transaction() as session:
        project_id = create_project(session, SYSTEM, name=f"p {uuid.uuid4().hex}").id
    added = 0
    for block in blocks:
        with database.transaction() as session:
            outcomes = store(session, project_id, block)
        assert len(outcomes) == len(block)
        with database.read() as session:
            rows = {row.id: row for row in session.scalars(select(ItemRow).where(ItemRow.project_id == project_id))}
        for record, outcome in zip(block, outcomes, strict=True):
            row = rows[outcome.item_id]
            assert outcome.external_id == row.external_id
            if outcome.added:
                assert (row.text, row.external_id) == (record.text, record.external_id)
            else:
                same_text = bytes(row.fingerprint) == fingerprint(record.text)
                assert same_text or (record.external_id is not None and row.external_id == record.external_id)
        new = [outcome.item_id for outcome in outcomes if outcome.added]
        assert len(new) == len(set(new))
        added += len(new)
        # What is nowhere to be found afterwards was lost.
        marks = {bytes(row.fingerprint) for row in rows.values()}
        names = {row.external_id for row in rows.values()}
        assert all(fingerprint(one.text) in marks or one.external_id in names for one in block)
    with database.read() as session:
        assert session.scalar(select(func.count()).where(ItemRow.project_id == project_id)) == added


def test_a_long_chain_of_held_back_records_is_stored(database: Database) -> None:
    with database.transaction() as session:
        project_id = create_project(session, SYSTEM, name="Chain").id
        store(session, project_id, [NewItem("text 0")])
        chain = [NewItem(f"text {place // 2}", external_id=f"id {(place + 1) // 2}") for place in range(2_000)]
        outcomes = store(session, project_id, chain)
    assert len(outcomes) == len(chain)
    assert sum(one.added for one in outcomes) > 0
