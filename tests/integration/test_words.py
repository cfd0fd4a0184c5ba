"""Items by their words: the same on both databases, whatever is asked, and nothing left of what was erased."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.learn.text import beginnings, words
from models.runtime import Runtime
from models.steps.accounts import Caller
from models.steps.ingest import erase_item
from models.steps.items import NewItem
from models.steps.projects import create_project, delete_project
from models.store.queries import items
from models.store.queries.items import ItemFilter, items_page, matching_ids
from models.store.schema import migrate, revision_of, take_back
from models.store.session import Database
from models.store.tables import ItemRow, ProjectRow
from models.store.words import index_missing
from models.vocabulary import ItemState
from tests.integration.conftest import put

Add = Callable[[Sequence[str]], list[int]]

TEXTS = (
    "I was charged twice, refund me!",
    "REFUNDS take 14 days; see re-fund_policy.pdf",
    "mail me at jane.doe@example.com or +49 170 1234567",
    "Straße, naïve café, ﬁancé, Ω and ＦＵＬＬ ｗｉｄｔｈ",  # noqa: RUF001
    "東京都に住んでいます。返金してください",
    "न म स ते and привет мир",
    "and or not near: the words of a query language",
    "!!! ??? *** 🙂",
    "a" * 3_000,
)
ASKED = (
    "refund", "REFUND me", "re", "fund", "refund_policy", "policy.pdf", "jane.doe@example.com", "example", "170 123",
    "strasse", "STRASSE", "cafe", "café", "fiancé", "ω", "full width", "東京", "京都", "都", "返金", "住んで", "привет",
    '" OR *', "' OR 1=1 --", "and", "NOT", "NEAR(a b)", "refund*", "words:refund", "(refund", "refund)", "-refund",
    '"refund me"', "refund & me", "refund | zebra", "!refund", "refund:*", "<->", "\\", "''", "%", "_", "_1", "🙂", "***",
    "a" * 64, "a" * 65, "a" * 1_000, "\u0301", "\u200b", "{refund}", "refund AND", "^refund", "+refund", "zebra",
)  # fmt: skip


@pytest.fixture
def add(runtime: Runtime, ann: Caller, project: ProjectRow) -> Add:
    def bring(texts: Sequence[str]) -> list[int]:
        put(runtime, ann, project, [NewItem(one) for one in texts])
        with runtime.database.read() as session:
            return list(session.scalars(select(ItemRow.id).where(ItemRow.text.in_(texts)).order_by(ItemRow.id)))

    return bring


def found(session: Session, project: ProjectRow, asked: str, **more: object) -> list[int]:
    wanted = ItemFilter(words=tuple(asked.split()) or (asked,), **more)
    page = [row.id for row in items_page(session, project.id, wanted, limit=100)]
    assert sorted(matching_ids(session, project.id, wanted, limit=100)) == sorted(page)
    with pytest.MonkeyPatch.context() as patch:
        for newest in (1, 3):  # of so many, PostgreSQL is not asked by the index
            patch.setattr(items, "_NEWEST", newest)
            paged, after = [], None
            while rows := items_page(session, project.id, wanted, after=after, limit=2):
                paged += [row.id for row in rows]
                after = paged[-1]
            assert paged == page
    return page


def test_what_is_found_is_what_the_words_say_on_both_databases(
    runtime: Runtime, add: Add, project: ProjectRow, ann: Caller
) -> None:
    ids = dict(zip(TEXTS, add(TEXTS), strict=True))
    with runtime.database.transaction() as session:
        other = create_project(session, ann, name="Another", categories=[])
    put(runtime, ann, other, [NewItem("refund from another project"), *(NewItem(one) for one in TEXTS)])
    with runtime.database.read() as session:
        for asked in ASKED:
            begun = beginnings(asked)
            fits = [
                ids[one]
                for one in reversed(TEXTS)
                if begun and all(any(word.startswith(start) for word in words(one)) for start in begun)
            ]
            assert found(session, project, asked) == fits, asked
            wanted = ItemFilter(words=(asked,))
            everything = list(ids.values())
            assert [row.id for row in items_page(session, project.id, wanted, among=everything)] == fits, asked


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ("refund", [0, 1]),
        ("charged REFUND", [0]),
        ("fund", [1]),
        ("jane.doe@example.com", [2]),
        ("strasse", [3]),
        ("京都", [4]),
        ("都", [4]),
        ("and", [3, 5, 6]),
        ("***", []),
        ('" OR *', [2, 6]),
        ("zebra", []),
    ],
)
def test_words_are_found_by_their_beginning(
    runtime: Runtime, add: Add, project: ProjectRow, asked: str, places: list[int]
) -> None:
    ids = add(TEXTS)
    with runtime.database.read() as session:
        assert found(session, project, asked) == [ids[place] for place in reversed(places)]


def test_pages_and_other_filters_go_together_with_words(runtime: Runtime, add: Add, project: ProjectRow) -> None:
    ids = add([f"parcel number {number}" for number in range(9)])
    with runtime.database.transaction() as session:
        session.execute(update(ItemRow).where(ItemRow.id.in_(ids[::2])).values(state=ItemState.FLAGGED))
    wanted = ItemFilter(words=("PARC",), state=ItemState.FLAGGED)
    with runtime.database.read() as session:
        first = items_page(session, project.id, wanted, limit=2)
        second = items_page(session, project.id, wanted, after=first[-1].id, limit=9)
        assert [row.id for row in [*first, *second]] == ids[::2][::-1]
        few = items_page(session, project.id, wanted, among=ids[:4], limit=9)
        assert [row.id for row in few] == [ids[2], ids[0]]


def test_nothing_of_an_erased_item_is_left_in_the_index(
    runtime: Runtime, add: Add, project: ProjectRow, ann: Caller, tmp_path: Path
) -> None:
    add([f"filler about parcel {number}" for number in range(30)])
    secret = "xylophonquartett"
    kept, gone = add([f"the {secret} stays not", "another text"])[::-1]
    add([f"more filler {number}" for number in range(30)])
    with runtime.database.transaction() as session:
        erase_item(session, ann, session.merge(project, load=False), min(kept, gone))
    with runtime.database.read() as session:
        assert found(session, project, secret) == []
        assert found(session, project, "another") == [max(kept, gone)]
    if not runtime.database.is_sqlite:
        return
    runtime.database.quickly(lambda held: held.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert secret.encode() not in (tmp_path / "winnow.db").read_bytes()


def test_a_deleted_project_leaves_no_words(runtime: Runtime, add: Add, project: ProjectRow, ann: Caller) -> None:
    add(["parcel one", "parcel two"])
    with runtime.database.transaction() as session:
        delete_project(session, ann, session.merge(project, load=False))
    with runtime.database.read() as session:
        assert found(session, project, "parcel") == []
        if runtime.database.is_sqlite:
            query = text("SELECT rowid FROM item_words WHERE item_words MATCH 'parcel'")
            assert session.execute(query).all() == []


def test_what_an_earlier_release_stored_is_given_its_words(runtime: Runtime, add: Add, project: ProjectRow) -> None:
    ids = add(["parcel one", "parcel two", "letter"])
    with runtime.database.transaction() as session:
        session.execute(update(ItemRow).values(words=None))
    with runtime.database.transaction() as session:
        assert found(session, project, "parcel") == []
        assert index_missing(session, 2) == 2
        assert index_missing(session, 2) == 1
        assert index_missing(session, 2) == 0
    with runtime.database.read() as session:
        assert found(session, project, "parcel") == [ids[1], ids[0]]


def test_items_from_before_are_indexed_by_the_migration(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    migrate(database, "0008i")
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO project (id, created_at, slug, name, task, text_fields, settings, serving_number,"
                " next_number, erasures, categories_mark, salt) VALUES (7, :now, 'old', 'Old', 'single', '[]', '{}',"
                " 0, 1, 0, '', '')"
            ),
            {"now": "2026-01-01 00:00:00"},
        )
        for number, told in enumerate(TEXTS):
            session.execute(
                text(
                    "INSERT INTO item (created_at, project_id, text, fields, fingerprint, state)"
                    " VALUES (:now, 7, :told, '{}', :mark, 'undecided')"
                ),
                {"now": "2026-01-01 00:00:00", "told": told, "mark": bytes([number])},
            )
    for _ in range(2):
        migrate(database)
        with database.read() as session:
            old = session.get_one(ProjectRow, 7)
            assert len(found(session, old, "refund")) == 2
            assert len(found(session, old, "東京")) == 1
            assert session.scalar(select(ItemRow.id).where(ItemRow.words.is_(None))) is None
        take_back(database, "0008i")
        assert revision_of(database) == "0008i"
    database.close()
