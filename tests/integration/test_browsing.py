"""Where what the database finds and what the arrays say must both hold: the same pages, whichever of the two leads."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Invalid
from models.runtime import Runtime
from models.steps.accounts import Caller
from models.steps.browse import Wanted, browse
from models.steps.ingest import erase_item
from models.steps.projects import find_project
from models.store.tables import CategoryRow, ProjectRow

BLOCK = 5
LIMITS = (1, 4, 50)
WORDS = ("at", "parcel", "1", "zebra")
ORDERS: tuple[dict[str, Any], ...] = (
    {"sort": "confidence"},
    {"category": "Login"},
    {"like": "parcels"},
    {"category": "Shipping", "sort": "-confidence"},
)


def test_pages_are_the_same_whichever_leads(
    runtime: Runtime, ann: Caller, filled: ProjectRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        category = {row.name: row.id for row in session.scalars(select(CategoryRow))}
        orders = [
            {**one, "category_id": category[one["category"]]} if "category" in one else dict(one) for one in ORDERS
        ]
        for order in orders:
            order.pop("category", None)
        whole = [browse(runtime, session, project, Wanted(**one), limit=1_000)[0] for one in orders]
        monkeypatch.setattr("models.steps.browse._BLOCK", BLOCK)
        monkeypatch.setattr("models.steps.browse._MOST_BLOCKS", 2)
        met = 0
        for few, limit, word, place in product((0, 1_000), LIMITS, WORDS, range(len(orders))):
            monkeypatch.setattr("models.steps.browse._FEW", few)
            right = [
                one.item.id for one in whole[place] if any(part.startswith(word) for part in one.item.text.split())
            ]
            wanted = Wanted(words=(word,), **orders[place])
            assert paged(runtime, session, project, wanted, limit) == right, (few, limit, wanted)
            met += len(right)
        assert met


@pytest.mark.parametrize("order", [{"sort": "confidence"}, {"sort": "-confidence"}, {"like": "parcels"}])
def test_a_page_goes_on_where_the_last_one_ended_also_when_that_item_is_erased(
    runtime: Runtime, ann: Caller, filled: ProjectRow, order: dict[str, str]
) -> None:
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        whole = [one.item.id for one in browse(runtime, session, project, Wanted(**order), limit=1_000)[0]]
        _, after = browse(runtime, session, project, Wanted(**order), limit=5)
    with runtime.database.transaction() as session:
        erase_item(session, ann, find_project(session, ann, filled.slug), whole[4])
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        rows, _ = browse(runtime, session, project, Wanted(**order), after=after, limit=1_000)
        assert [one.item.id for one in rows] == whole[5:]
        with pytest.raises(Invalid, match="another order"):
            browse(runtime, session, project, Wanted(), after=after)
        with pytest.raises(Invalid, match="another order"):
            browse(runtime, session, project, Wanted(**order), after=whole[4])


def paged(runtime: Runtime, session: Session, project: ProjectRow, wanted: Wanted, limit: int) -> list[int]:
    """All that is found, page by page."""
    found: list[int] = []
    after = None
    while True:
        rows, after = browse(runtime, session, project, wanted, after=after, limit=limit)
        found += [one.item.id for one in rows]
        if after is None:
            return found
