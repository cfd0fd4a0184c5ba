"""Files come in: every row is added, a duplicate, or rejected with its place; whatever happens on the way."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from models import jobs
from models.absence import CANNOT_BE_KEPT, NOT_TAKEN
from models.learn.text import beginnings, fingerprint, words
from models.readers import ReadOptions, Record, RowError, records
from models.readers.reading import Opened
from models.runtime import Runtime
from models.steps import ingest
from models.steps.accounts import Caller
from models.steps.endings import cancel
from models.steps.items import NewItem
from models.steps.projects import find_category, find_project, update_category
from models.steps.requested import request
from models.steps.review import NewDecision, decide
from models.steps.webhooks import create_webhook
from models.store import upsert
from models.store.queries.decisions import labels_as_of
from models.store.queries.items import ItemFilter, matching_ids
from models.store.queries.projects import categories_of
from models.store.session import Database
from models.store.tables import (
    DecisionRow,
    DeliveryRow,
    ImportRow,
    ItemRow,
    JobRow,
    ProjectRow,
    RejectRow,
    TaskRow,
    VersionRow,
)
from models.store.types import utc_now
from models.vocabulary import Action, Event, ItemState, JobStatus, Source
from models.work import Work
from tests.integration.conftest import Drain, put
from tests.integration.crashes import Crash, expire_leases
from worker.entry import perform

ROWS = [{"ref": f"r{place}", "body": f"ticket number {place} tells of trouble", "extra": "x"} for place in range(6)]


def delimited(mark: str) -> bytes:
    lines = [mark.join(("ref", "body", "extra")), *(mark.join(row.values()) for row in ROWS)]
    return "\n".join(lines).encode()


FILES = {
    "rows.csv": delimited(","),
    "rows.tsv": delimited("\t"),
    "rows.json": json.dumps(ROWS).encode(),
    "rows.jsonl": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "rows.txt": "\n".join(row["body"] for row in ROWS).encode(),
}
FILES |= {f"{name}.gz": gzip.compress(data) for name, data in FILES.items()}


class Sender:
    """Somebody who sends files to a project."""

    def __init__(self, runtime: Runtime, caller: Caller, slug: str) -> None:
        self.runtime, self.caller, self.slug = runtime, caller, slug

    def send(self, name: str, data: bytes, **options: object) -> tuple[int, str]:
        """The ids of the import and of its job."""
        folder = ingest.upload_folder(self.runtime.settings)
        path = folder / f"{len(list(folder.iterdir()))}.upload"
        path.write_bytes(data)
        with self.runtime.database.transaction() as session:
            row = ingest.start_import(
                session,
                self.caller,
                find_project(session, self.caller, self.slug),
                filename=name,
                path=f"uploads/{path.name}",
                options=ingest.ImportOptions(**options),
            )
            return row.id, row.job_id

    def read(self, import_id: int) -> tuple[ImportRow, list[RejectRow], list[ItemRow]]:
        with self.runtime.database.read() as session:
            items = session.scalars(select(ItemRow).where(ItemRow.import_id == import_id).order_by(ItemRow.id)).all()
            return session.get_one(ImportRow, import_id), list(ingest.rejects(session, import_id)), list(items)

    def take(self, name: str, data: bytes, **options: object) -> tuple[ImportRow, list[RejectRow], list[ItemRow]]:
        """Send a file, do its job and tell what became of it."""
        import_id, job_id = self.send(name, data, **options)
        perform(self.runtime, job_id)
        return self.read(import_id)


@pytest.fixture
def sender(runtime: Runtime, ann: Caller, project: ProjectRow) -> Sender:
    return Sender(runtime, ann, project.slug)


def counts(row: ImportRow) -> tuple[int, int, int]:
    return row.rows_added, row.rows_duplicate, row.rows_rejected


def test_every_format_comes_in(sender: Sender) -> None:
    for place, (name, data) in enumerate(FILES.items()):
        options = {} if ".txt" in name else {"text_fields": ("body",), "id_field": "ref"}
        row, rejects, items = sender.take(name, data, **options)
        assert row.status is JobStatus.SUCCEEDED, (name, row.error)
        assert rejects == []
        assert counts(row) == ((6, 0, 0) if place == 0 else (0, 6, 0)), name
        if place == 0:
            assert [item.external_id for item in items] == [entry["ref"] for entry in ROWS]
            assert items[0].fields == ROWS[0]
    assert list(ingest.upload_folder(sender.runtime.settings).iterdir()) == []


def test_rejects_and_duplicates_are_counted_with_their_places(sender: Sender) -> None:
    data = b'ref,body\n1,first text\n1,another text\n2,first text\n3,\n4,"ragged",too,many\n5,fifth text\n'
    row, rejects, items = sender.take("mixed.csv", data, text_fields=("body",), id_field="ref")
    assert row.status is JobStatus.SUCCEEDED
    assert counts(row) == (2, 2, 2)
    assert (rejects[0].line, rejects[0].code) == (5, "empty-text")
    assert [one.line for one in rejects] == [5, 6]
    assert {item.text for item in items} == {"first text", "fifth text"}


BAD = {
    "binary": ("file.csv", bytes(range(256)) * 64, JobStatus.FAILED),
    "empty": ("file.csv", b"", JobStatus.FAILED),
    "unknown columns": ("file.csv", b"a,b\n1,2\n", JobStatus.FAILED),
    "bomb": ("file.csv.gz", gzip.compress(b"text\n" + b"a" * 30_000_000), None),
    "deep": ("file.json", b"[" * 10_000 + b"]" * 10_000, None),
    "ragged": ("file.csv", b"body,b\ngood row,1\nbad,1,2,3\nshort\nlast row,2\n", JobStatus.SUCCEEDED),
    "unclosed quote": ("file.csv", b'body,b\ngood row,1\n"never closed,2\nlast row,3\n', JobStatus.SUCCEEDED),
    "nul bytes": ("file.csv", b"body,b\ngood row,1\nb\x00d row,2\nlast row,3\n", JobStatus.SUCCEEDED),
    "long cell": ("file.csv", b"body,b\ngood row,1\n" + b"x" * 1_500_000 + b",2\nlast row,3\n", JobStatus.SUCCEEDED),
    "mixed encodings": ("file.csv", "body,b\ngood rów,1\n".encode() + b"b\xe9d,2\nlast row,3\n", JobStatus.SUCCEEDED),
    "surrogates": ("file.jsonl", b'{"body": "good row"}\n{"body": "half \\ud800"}\n{"body": "last row"}\n', None),
    "nul escaped": ("file.jsonl", b'{"body": "good row"}\n{"body": "nul \\u0000"}\n{"body": "last row"}\n', None),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_ends_in_a_sentence_and_keeps_the_good_rows(sender: Sender, kind: str) -> None:
    name, data, status = BAD[kind]
    row, rejects, items = sender.take(name, data, text_fields=("body",))
    assert row.status.ended
    if status is not None:
        assert row.status is status, (row.error, [one.message for one in rejects])
    if row.status is JobStatus.FAILED:
        assert row.error
        assert "Error:" not in row.error  # a sentence for people, not the name of an exception
        assert items == []
    else:
        assert rejects
        assert all(one.line >= 1 and one.message for one in rejects)
        assert "good row" in {item.text.replace("ó", "o") for item in items} or kind in {"bomb", "deep"}
    assert row.rows_read == row.rows_added + row.rows_duplicate + row.rows_rejected
    with sender.runtime.database.read() as session:
        job = session.get_one(JobRow, row.job_id)
    assert job.status is row.status
    assert job.attempts == 1


def slips_through(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """A row that the reader should have set aside."""
    rows = [Record(1, "good row", {}), Record(2, words, {"body": words})]
    monkeypatch.setattr(ingest, "BLOCK_ROWS", 1)
    monkeypatch.setattr(ingest, "records", lambda *_, skip: iter(rows[skip:]))


@pytest.mark.parametrize("words", ["half \ud800", "nul \x00"])
def test_what_the_database_never_takes_is_told_and_not_tried_again(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    slips_through(monkeypatch, words)
    row, _, items = sender.take("rows.csv", b"body\ngood row\n")
    if "\x00" in words and sender.runtime.database.engine.dialect.name == "sqlite":
        assert row.status is JobStatus.SUCCEEDED  # which keeps any character
        return
    assert (row.status, row.error, len(items)) == (JobStatus.FAILED, CANNOT_BE_KEPT, 1)
    with sender.runtime.database.read() as session:
        job = session.get_one(JobRow, row.job_id)
    assert (job.attempts, job.error, job.refused) == (1, CANNOT_BE_KEPT, False)
    assert "Traceback" in caplog.text


def test_a_statement_that_fails_is_tried_again_and_not_shown(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(session: Session, *given: object, **_: object) -> None:
        session.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": given[1][0].text})

    monkeypatch.setattr(ingest, "store", fails)
    import_id, job_id = sender.send("rows.csv", b"body\ngood row\n")
    attempts = sender.runtime.settings.job_attempts
    for _ in range(attempts):
        assert not sender.read(import_id)[0].status.ended
        with sender.runtime.database.transaction() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(due_at=utc_now()))
        perform(sender.runtime, job_id)
    row, _, _ = sender.read(import_id)
    assert (row.status, row.error) == (JobStatus.FAILED, NOT_TAKEN)
    assert "nowhere" in caplog.text
    if sender.runtime.database.engine.dialect.name == "sqlite":  # PostgreSQL itself says what it stumbled over
        assert "good row" not in caplog.text


AWKWARD = (
    "tab\tand\r\nbreaks", "back\\slash \\t \\n \\", "\\N", "\\.", 'quote " and \' and $1 %s :x', "naïve 東京都 🙂", "x" * 300 + "\\",
)  # fmt: skip


def test_what_stands_in_a_file_is_what_is_stored(sender: Sender) -> None:
    rows = [
        {"body": f"{AWKWARD[place % len(AWKWARD)]}\n{place}", AWKWARD[0]: AWKWARD[place % 5]} for place in range(210)
    ]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    row, rejects, items = sender.take("awkward.jsonl", data, text_fields=("body",))
    assert (counts(row), rejects) == ((210, 0, 0), [])
    assert [item.text for item in items] == [one["body"] for one in rows]
    assert [item.fields for item in items] == rows
    assert [bytes(item.fingerprint) for item in items] == [fingerprint(one["body"]) for one in rows]
    with sender.runtime.database.read() as session:
        for asked in ("naïve", "breaks 7", "slash t", "zebra"):
            found = matching_ids(session, row.project_id, ItemFilter(words=(asked,)), limit=500)
            begun = beginnings(asked)
            fits = [
                item.id
                for item in items
                if all(any(word.startswith(one) for word in words(item.text)) for one in begun)
            ]
            assert sorted(found) == fits, asked
            assert bool(found) == (asked != "zebra")


@pytest.mark.parametrize("bound", [("BLOCK_ROWS", 10), ("BLOCK_CHARS", 60)])
def test_an_import_killed_again_and_again_stores_each_row_once(
    sender: Sender, crash: Crash, monkeypatch: pytest.MonkeyPatch, bound: tuple[str, int]
) -> None:
    monkeypatch.setattr(ingest, *bound)
    lines = [f"{place % 40},text {place % 45}" if place % 9 else f"{place}," for place in range(60)]
    data = "\n".join(["ref,body", *lines]).encode()
    import_id, job_id = sender.send("long.csv", data, text_fields=("body",), id_field="ref")

    def attempt(doomed: Runtime) -> bool:
        perform(doomed, job_id)
        return sender.read(import_id)[0].status is JobStatus.SUCCEEDED

    assert crash(attempt) >= 6
    row, rejects, items = sender.read(import_id)
    assert row.rows_read == 60
    assert row.rows_rejected == len(rejects) == sum(not place % 9 for place in range(60))
    assert row.rows_added == len(items) == len({item.text for item in items})


def test_rows_are_taken_for_new_until_one_of_the_file_is_not(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL stores rows quicker that it need not look for first; one that is there costs that block once more."""
    size = upsert.FEW + 50
    monkeypatch.setattr(ingest, "BLOCK_ROWS", size)
    known = {size + 7: 3, 2 * size + 7: size + 8}  # rows that have the text of an earlier one
    lines = [f"r{place},text number {known.get(place, place)}" for place in range(4 * size)]
    engine, asked = sender.runtime.database.engine, []
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    import_id, job_id = sender.send(
        "rows.csv", "\n".join(["ref,body", *lines]).encode(), text_fields=("body",), id_field="ref"
    )
    perform(sender.runtime, job_id)
    row, _, items = sender.read(import_id)
    assert (row.status, counts(row)) == (JobStatus.SUCCEEDED, (4 * size - 2, 2, 0))
    assert [item.external_id for item in items] == [f"r{place}" for place in range(4 * size) if place not in known]
    looked = ["ON CONFLICT" in one for one in asked if one.startswith("INSERT INTO item ")]
    assert looked == [True] * (4 if engine.dialect.name == "sqlite" else 3)  # the first block is given straight away


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 2)])
def test_a_file_is_read_once_however_often_its_import_gives_way(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, workers: int, most: int
) -> None:
    monkeypatch.setattr(ingest, "BLOCK_ROWS", 1)
    monkeypatch.setitem(Work.__init__.__kwdefaults__, "slice_seconds", -1.0)
    begun: list[int] = []

    def reading(opened: Opened, options: ReadOptions, *, skip: int) -> Iterator[Record | RowError]:
        begun.append(skip)
        return records(opened, options, skip=skip)

    monkeypatch.setattr(ingest, "records", reading)
    import_id, job_id = sender.send("rows.csv", FILES["rows.csv"], text_fields=("body",), id_field="ref")
    others = [Runtime(sender.runtime.settings, sender.runtime.database, sender.runtime.encoder) for _ in range(workers)]
    for turn in range(7):
        perform(others[turn * turn % 3 % workers], job_id)  # not one after the other
    row, _, items = sender.read(import_id)
    assert (row.status, counts(row)) == (JobStatus.SUCCEEDED, (6, 0, 0))
    assert [item.external_id for item in items] == [entry["ref"] for entry in ROWS]
    assert len(begun) == most
    for other in others:
        other.half_read.sweep()
        assert other.half_read.take(sender.runtime.settings.artifacts / row.path, 99) is None


def test_what_an_attempt_that_failed_had_read_is_read_again(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BLOCK_ROWS", 2)
    monkeypatch.setitem(Work.__init__.__kwdefaults__, "slice_seconds", -1.0)
    import_id, job_id = sender.send("rows.csv", FILES["rows.csv"], text_fields=("body",), id_field="ref")
    perform(sender.runtime, job_id)
    with monkeypatch.context() as broken:
        broken.setattr(ingest, "store", lambda *_args, **_more: 1 / 0)
        perform(sender.runtime, job_id)
    with sender.runtime.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(due_at=utc_now()))
    for _ in range(3):
        perform(sender.runtime, job_id)
    row, _, items = sender.read(import_id)
    assert (row.status, counts(row)) == (JobStatus.SUCCEEDED, (6, 0, 0))
    assert [item.external_id for item in items] == [entry["ref"] for entry in ROWS]


def test_labels_become_categories_and_decisions(sender: Sender, ann: Caller) -> None:
    data = (
        "body,kind\ntoo much was charged,billing\nwhere is it,ﬁnding\nand this,finding\nnothing said,\n"
        f"too long a name,{'n' * 230}\n"
    ).encode()
    row, rejects, items = sender.take("labelled.csv", data, text_fields=("body",), label_field="kind")
    assert counts(row) == (4, 0, 1)
    assert [(one.line, one.code) for one in rejects] == [(6, "bad-label")]
    with sender.runtime.database.read() as session:
        project = find_project(session, ann, sender.slug)
        names = {one.id: one.name for one in categories_of(session, project.id)}
        labels = labels_as_of(session, project.id)
    assert sorted(names.values()) == ["Billing", "Login", "Shipping", "ﬁnding"]
    by_item = dict(zip(labels.item.tolist(), labels.category.tolist(), strict=True))
    assert [names.get(by_item.get(item.id, 0)) for item in items] == ["Billing", "ﬁnding", "ﬁnding", None]
    assert [item.state for item in items][2:] == [ItemState.DECIDED, ItemState.UNDECIDED]


def test_several_labels_where_an_item_has_one_category_take_their_own_row_alone(sender: Sender, ann: Caller) -> None:
    rows = [{"body": "one", "kind": ["Login"]}, {"body": "two", "kind": ["Login", "Billing"]}]
    row, rejects, items = sender.take("rows.jsonl", "\n".join(map(json.dumps, rows)).encode(), label_field="kind")
    assert (counts(row), [item.text for item in items]) == ((1, 0, 1), ["one"])
    assert [(one.line, one.code) for one in rejects] == [(2, "bad-label")]
    with sender.runtime.database.read() as session:
        project = find_project(session, ann, sender.slug)
        assert {one.name for one in categories_of(session, project.id)} == {"Billing", "Login", "Shipping"}


def test_what_is_there_takes_the_category_that_comes_later_unless_somebody_decided(sender: Sender, ann: Caller) -> None:
    runtime = sender.runtime
    with runtime.database.transaction() as session:
        project = find_project(session, ann, sender.slug)
        create_webhook(
            session, ann, project, runtime.settings, url="https://example.com/x", events=[Event.ITEM_DECIDED]
        )
        items = ingest.add_items(session, ann, project, [NewItem(text) for text in ("one", "two", "three", "four")])
        request(session, project.id, [one.item_id for one in items])
        by_hand = NewDecision(Action.CORRECT, item_id=items[1].item_id, categories=["Login"])
        decide(session, ann, project, by_hand, runtime.settings)
    with runtime.database.transaction() as session:
        project = find_project(session, ann, sender.slug)
        named = [
            NewItem("one", category="Billing"),
            NewItem("two", category="Billing"),
            NewItem("ONE", category="Login"),
        ]
        assert not any(one.added for one in ingest.add_items(session, ann, project, named))
    row, _, _ = sender.take("late.csv", b"body,kind\nthree,Shipping\nnew,Login\nfour,\n", label_field="kind")
    assert counts(row) == (1, 2, 0)
    with runtime.database.read() as session:
        project = find_project(session, ann, sender.slug)
        names = {one.id: one.name for one in categories_of(session, project.id)}
        labels = labels_as_of(session, project.id)
        by_item = dict(zip(labels.item.tolist(), (names[one] for one in labels.category.tolist()), strict=True))
        kept = {item.text: by_item.get(item.id) for item in session.scalars(select(ItemRow))}
        waiting = session.scalars(select(TaskRow.item_id).where(TaskRow.open.is_(True))).all()
        told = [body["data"]["category"] for body in map(json.loads, session.scalars(select(DeliveryRow.body)))]
        sources = session.scalars(select(DecisionRow.source).order_by(DecisionRow.id)).all()
    assert kept == {"one": "Billing", "two": "Login", "three": "Shipping", "four": None, "new": "Login"}
    assert waiting == [items[3].item_id], "nobody is asked any more about what is decided"
    assert sorted(told) == ["Billing", "Login", "Shipping"]
    assert sources == [Source.REVIEW, Source.IMPORT, Source.IMPORT, Source.IMPORT]


def test_a_label_of_an_archived_category_takes_its_own_row_alone(sender: Sender, ann: Caller) -> None:
    with sender.runtime.database.transaction() as session:
        project = find_project(session, ann, sender.slug)
        gone = next(one.id for one in categories_of(session, project.id) if one.name == "Login")
        update_category(session, ann, project, find_category(session, project, gone).id, {"archived": True})
    rows = [{"body": "one", "kind": "Billing"}, {"body": "two", "kind": "Login"}, {"body": "three", "kind": "Billing"}]
    row, rejects, items = sender.take("line.json", json.dumps(rows).encode(), label_field="kind")
    assert counts(row) == (2, 0, 1)  # all three stand on one line of the file
    assert [one.code for one in rejects] == ["bad-label"]
    assert [item.text for item in items] == ["one", "three"]


def test_an_import_whose_worker_dies_too_often_is_given_up(sender: Sender) -> None:
    import_id, job_id = sender.send("rows.csv", FILES["rows.csv"], text_fields=("body",))
    with sender.runtime.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(attempts=5))
    perform(sender.runtime, job_id)
    row, _, items = sender.read(import_id)
    assert row.status is JobStatus.FAILED
    assert "given up" in (row.error or "")
    assert items == []


def test_an_import_can_be_cancelled_before_and_while_it_runs(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BLOCK_ROWS", 2)
    waiting, waiting_job = sender.send("rows.csv", FILES["rows.csv"], text_fields=("body",))
    running, running_job = sender.send("rows.tsv", FILES["rows.tsv"], text_fields=("body",))
    database = sender.runtime.database
    with database.transaction() as session:
        cancel(session, session.get_one(JobRow, waiting_job))
        claim = jobs.claim(session, running_job, lease=timedelta(seconds=30), attempts=5)
    assert claim is not None
    with database.transaction() as session:
        cancel(session, session.get_one(JobRow, running_job))
    expire_leases(database)  # and its worker dies before it hears of it
    for job_id in (waiting_job, running_job):
        perform(sender.runtime, job_id)
    for import_id in (waiting, running):
        row, _, items = sender.read(import_id)
        assert row.status is JobStatus.CANCELLED
        assert items == []


def test_a_worker_taken_for_dead_does_not_spoil_the_import_of_its_successor(sender: Sender, database_url: str) -> None:
    import_id, job_id = sender.send("rows.csv", FILES["rows.csv"], text_fields=("body",))

    class Slow(Database):
        """Before its second transaction the lease runs out, and another worker does the whole."""

        begun = 0

        @contextmanager
        def transaction(self, *, durable: bool = True) -> Iterator[Session]:
            self.begun += 1
            if self.begun == 2:
                expire_leases(sender.runtime.database)
                perform(sender.runtime, job_id)
            with super().transaction(durable=durable) as session:
                yield session

    slow = Slow(database_url)
    perform(Runtime(sender.runtime.settings, slow, sender.runtime.encoder), job_id)
    slow.close()
    row, _, items = sender.read(import_id)
    assert (row.status, row.error) == (JobStatus.SUCCEEDED, None)
    assert len(items) == row.rows_added == 6


def test_a_labelled_file_is_learnt_from_as_a_whole(
    sender: Sender, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.steps.embed.BLOCK_TEXTS", 10)
    kinds = (("parcel", "Shipping"), ("invoice", "Billing"))
    lines = [f"{kinds[place % 2][0]} {place},{kinds[place % 2][1]}" for place in range(40)]
    sender.send("labelled.csv", "\n".join(["body,kind", *lines]).encode(), label_field="kind")
    drain()
    with sender.runtime.database.read() as session:
        version = session.scalars(select(VersionRow)).one()
    assert version.trained_decisions == 40


def test_the_statements_of_a_block_are_made_once(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    kept = []
    for turn in range(4):
        put(runtime, ann, project, [NewItem(f"ticket {turn}-{number}") for number in range(upsert.FEW + 1)])
        kept.append(len(runtime.database.engine._compiled_cache or ()))
    assert kept[1:] == [kept[1]] * 3  # else each import leaves something behind in its process
