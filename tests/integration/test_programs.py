"""What programs ask and tell, what people look for and take away, and what is gone once it is erased."""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import jobs
from models.errors import Invalid, Missing
from models.runtime import Runtime
from models.steps import batch, browse, export, ingest, monitor, queue, review, serve
from models.steps.accounts import Caller
from models.steps.browse import Wanted
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project, find_category, find_project
from models.store.queries.categories import categories_by_project
from models.store.queries.decisions import decisions_page, hold_out, labels_as_of
from models.store.queries.imports import find_import, imports_page
from models.store.queries.items import ItemFilter, items_page
from models.store.queries.versions import find_version, versions_page
from models.store.tables import (
    DecisionRow,
    ImportRow,
    ItemRow,
    JobRow,
    PredictionRow,
    ProjectRow,
    TaskRow,
    VectorRow,
)
from models.vocabulary import Action, ItemState, Job, JobStatus, Reason, ReviewMode, Source
from models.work import Stopped, Work
from tests.integration.conftest import Drain, put, texts
from worker.entry import perform

SECRET = "the courier left package 77777 with Mrs Whistlethwaite"


def tell(runtime: Runtime, caller: Caller, project: ProjectRow, given: serve.Feedback) -> DecisionRow:
    with runtime.database.transaction() as session:
        return serve.feedback(session, caller, find_project(session, caller, project.slug), given)


def test_feedback_names_its_item_in_four_ways(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> None:
    put(runtime, ann, project, [NewItem("where is my parcel", external_id="mine"), NewItem("charged twice")])
    drain()
    answers = serve.predict(runtime, ann, project.slug, [NewItem("I forgot my password", external_id="asked")])
    told = answers.answers[0]
    with runtime.database.read() as session:
        second = session.scalars(select(ItemRow.id).where(ItemRow.text == "charged twice")).one()
    made = [
        tell(runtime, ann, project, serve.Feedback("Login", prediction_id=told.prediction_id)),
        tell(runtime, ann, project, serve.Feedback("Billing", item_id=second)),
        tell(runtime, ann, project, serve.Feedback("Shipping", external_id="mine")),
        tell(runtime, ann, project, serve.Feedback("Billing", text="a text that nobody had sent")),
    ]
    assert told.prediction.category.name == "Login"
    assert [row.action for row in made] == [Action.ACCEPT, Action.CORRECT, Action.CORRECT, Action.CORRECT]
    assert made[0].predicted_confidence == pytest.approx(told.prediction.confidence)
    assert {row.source for row in made} == {Source.FEEDBACK}
    with runtime.database.read() as session:
        assert session.scalar(select(func.count()).where(ItemRow.state == ItemState.DECIDED)) == 4
        assert session.get_one(ItemRow, made[0].item_id).external_id == "asked"
        open_tasks = session.scalars(select(TaskRow.item_id).where(TaskRow.open.is_(True), TaskRow.holder.is_(None)))
        blind = session.scalars(select(TaskRow.item_id).where(TaskRow.reason == "audit")).all()
        assert set(open_tasks) - set(blind) == set()  # what is known is not asked
    with pytest.raises(Invalid):
        tell(runtime, ann, project, serve.Feedback("Login"))
    with pytest.raises(Invalid):
        tell(runtime, ann, project, serve.Feedback("Login", text="x", item_id=second))
    with pytest.raises(Missing):
        tell(runtime, ann, project, serve.Feedback("Login", external_id="nobody's"))


def test_what_a_program_wants_to_know_is_asked_first(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    with runtime.database.read() as session:
        chosen = TaskRow.reason.in_([Reason.UNCERTAIN, Reason.DIVERSE])  # a blind check keeps its place
        last = session.scalars(select(TaskRow.item_id).where(chosen).order_by(TaskRow.rank.desc())).first()
        waiting = session.get_one(ItemRow, last).text
    sent = serve.predict(runtime, ann, filled.slug, [NewItem("a new one"), NewItem(waiting)], review=ReviewMode.ALWAYS)
    with runtime.database.transaction() as session:
        leased = queue.lease(runtime, session, ann, find_project(session, ann, filled.slug), 2)
    new, there = (one.item_id for one in sent.answers)
    assert [one.item.id for one in leased] == [there, new], "the last of the queue comes first now"
    with runtime.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemRow)) == 121


def test_items_are_found_by_what_they_are_and_by_what_is_said_of_them(
    runtime: Runtime, ann: Caller, filled: ProjectRow
) -> None:
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        first = session.scalars(select(ItemRow.id).order_by(ItemRow.id)).first()
        assert first is not None
        new = review.NewDecision(Action.CORRECT, item_id=first, categories=["Login"])
        review.decide(session, ann, project, new, runtime.settings)
        login = next(row.id for row in categories_by_project(session, [project.id])[project.id] if row.name == "Login")

    def found(wanted: Wanted, size: int = 7) -> list[browse.Listed]:
        rows: list[browse.Listed] = []
        after = None
        while True:
            with runtime.database.read() as session:
                page, after = browse.browse(
                    runtime, session, find_project(session, ann, filled.slug), wanted, after=after, limit=size
                )
            rows += page
            if after is None:
                return rows

    everything = found(Wanted())
    assert [row.item.id for row in everything] == sorted((row.item.id for row in everything), reverse=True)
    assert len({row.item.id for row in everything}) == 120
    assert [row.item.id for row in found(Wanted(state=ItemState.DECIDED))] == [first]
    assert {row.item.text for row in found(Wanted(words=("PARCEL", "arrived")))} == {
        text for text, _ in texts(120) if "parcel" in text and "arrived" in text
    }
    assert [row.item.text for row in found(Wanted(words=("10%_",)))] == [  # a word is no pattern
        text for text, _ in reversed(texts(120)) if " 10" in text
    ]
    logins = found(Wanted(category_id=login))
    assert first in {row.item.id for row in logins}
    assert all(row.item.id == first or (row.prediction and row.prediction.category.id == login) for row in logins)
    rising = [row.prediction.confidence for row in found(Wanted(sort="confidence")) if row.prediction]
    assert len(rising) == 120
    assert rising == sorted(rising)
    middle = rising[60]
    sure = found(Wanted(min_confidence=middle))
    assert all(row.prediction and row.prediction.confidence >= middle - 1e-6 for row in sure)
    assert len(sure) + len(found(Wanted(max_confidence=middle))) >= 120
    near = found(Wanted(like="my package was brought to the wrong door"))[:5]
    assert all("package" in row.item.text for row in near)
    assert found(Wanted(like=str(first)))[0].item.id == first


def test_an_export_has_every_item_with_its_answer(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        leased = queue.lease(runtime, session, ann, project, 3)
        for one in leased:
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=["Login"])
            review.decide(session, ann, project, new, runtime.settings)
    with runtime.database.read() as session:
        project = find_project(session, ann, filled.slug)
        rows = list(export.export_rows(runtime, session, project))
        decided = list(export.export_rows(runtime, session, project, ItemState.DECIDED))
    assert len({row["id"] for row in rows}) == 120
    assert {row["id"] for row in decided} == {str(one.item.id) for one in leased}
    assert {(row["category"], row["decided_by"], row["source"]) for row in decided} == {("Login", "ann", "review")}
    assert all(row["predicted_category"] and 0 < row["confidence"] <= 1 for row in rows)
    assert set(rows[0]) == set(export.COLUMNS)


def test_an_erased_item_is_nowhere_any_more(runtime: Runtime, ann: Caller, project: ProjectRow, drain: Drain) -> None:
    others = [NewItem(text) for text, _ in texts(20)]
    put(runtime, ann, project, [*others[:10], NewItem(SECRET, {"body": SECRET}, "gone"), *others[10:]])
    drain()
    serve.predict(runtime, ann, project.slug, [NewItem(SECRET)])
    serve.predict(runtime, ann, project.slug, [NewItem("another wording", external_id="gone")])
    serve.predict(runtime, ann, project.slug, [NewItem("something else")])
    tell(runtime, ann, project, serve.Feedback("Shipping", external_id="gone", note=SECRET))
    with runtime.database.read() as session:
        row = session.scalars(select(ItemRow).where(ItemRow.external_id == "gone")).one()
        vector = bytes(session.scalars(select(VectorRow.data).where(VectorRow.item_id == row.id)).one())
    pools = list(runtime.pools.root.glob("*/*/vectors.f16"))
    assert any(vector in path.read_bytes() for path in pools)

    with runtime.database.transaction() as session:
        ingest.erase_item(session, ann, find_project(session, ann, project.slug), row.id)
        jobs.enqueue(session, Job.MAINTAIN, key="maintain")
    drain()

    with runtime.database.read() as session:
        found = find_project(session, ann, project.slug)
        assert session.get(ItemRow, row.id) is None
        assert session.scalars(select(PredictionRow.text)).all() == ["something else"]
        assert session.scalar(select(func.count()).select_from(DecisionRow)) == 0
        assert all(bytes(data) != vector for data in session.scalars(select(VectorRow.data)))
        # Every read goes on working with the hole.
        rows, _ = browse.browse(runtime, session, found, Wanted(sort="confidence"), limit=50)
        assert len(rows) == 20
        assert len(list(export.export_rows(runtime, session, found))) == 20
        near, _ = browse.browse(runtime, session, found, Wanted(like=SECRET), limit=50)
        assert row.id not in {one.item.id for one in near}
        monitor.stats(runtime, session, found)
    left = [path for path in runtime.settings.data_dir.rglob("*") if path.is_file() and "encoders" not in path.parts]
    assert left
    for path in left:
        data = path.read_bytes()
        if path.suffix == ".db" or path.name.endswith(("-wal", "-shm")):
            continue  # the database's own pages
        assert vector not in data
        assert b"Whistlethwaite" not in data
    with runtime.database.read() as session, pytest.raises(Missing):
        ingest.find_item(session, find_project(session, ann, project.slug), row.id)
    put(runtime, ann, project, [NewItem(SECRET, external_id="gone")])  # may come again, as another item
    drain()


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.json", "rows.jsonl", "rows.txt", "rows.csv.gz"])
def test_a_file_is_answered_row_by_row(runtime: Runtime, ann: Caller, project: ProjectRow, name: str) -> None:
    rows = [{"no": str(place), "body": text} for place, (text, _) in enumerate(texts(9))]
    mark = "\t" if "tsv" in name else ","
    plain = {
        "csv": "\n".join(["no,body", *(f'{row["no"]},"{row["body"]}"' for row in rows)]),
        "tsv": "\n".join(["no\tbody", *(f"{row['no']}\t{row['body']}" for row in rows)]),
        "json": json.dumps(rows),
        "jsonl": "\n".join(json.dumps(row) for row in rows),
        "txt": "\n".join(row["body"] for row in rows),
    }[name.split(".")[1]].encode()
    upload = ingest.upload_folder(runtime.settings) / "batch"
    upload.write_bytes(gzip.compress(plain) if name.endswith("gz") else plain)
    with runtime.database.transaction() as session:
        job = batch.request_batch(
            session,
            ann,
            find_project(session, ann, project.slug),
            batch.Upload(name, "uploads/batch"),
            ingest.ImportOptions(),
        )
    perform(runtime, job.id)
    with runtime.database.read() as session:
        done = session.get_one(JobRow, job.id)
    assert done.status is JobStatus.SUCCEEDED, done.error
    data = runtime.artifacts.read(batch.result_name(done))
    out = (gzip.decompress(data) if name.endswith("gz") else data).decode()
    if "json" in name:
        answered = json.loads(out) if name == "rows.json" else [json.loads(line) for line in out.splitlines()]
    else:
        answered = list(csv.DictReader(out.splitlines(), delimiter="\t" if "txt" in name else mark))
    assert len(answered) == 9
    assert [row["text" if "txt" in name else "body"] for row in answered] == [row["body"] for row in rows]
    right = sum(row["category"] == truth for row, (_, truth) in zip(answered, texts(9), strict=True))
    assert right >= 6
    assert not upload.exists()


def test_a_batch_can_be_cancelled_while_it_runs(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    upload = ingest.upload_folder(runtime.settings) / "batch"
    upload.write_text("\n".join(f"line {place}" for place in range(600)))
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        job = batch.request_batch(session, ann, found, batch.Upload("a.txt", "uploads/batch"), ingest.ImportOptions())
    with runtime.database.transaction() as session:
        claim = jobs.claim(session, job.id, lease=timedelta(minutes=1), attempts=5)
    assert claim is not None
    work = Work(runtime, claim)
    with runtime.database.transaction() as session:
        jobs.cancel(session.get_one(JobRow, job.id))
    work.renew(timedelta(minutes=1))
    with pytest.raises(Stopped):
        batch.run_batch_predict(work)


Read = Callable[[Session, ProjectRow, "Others"], object]


class Others:
    """What belongs to another project."""

    def __init__(self, session: Session, project_id: int) -> None:
        self.item = session.scalars(select(ItemRow.id).where(ItemRow.project_id == project_id)).first() or 0
        self.text = session.get_one(ItemRow, self.item).text
        self.task = session.scalars(select(TaskRow.id).where(TaskRow.project_id == project_id)).first() or 0
        self.decision = session.scalars(select(DecisionRow.id).where(DecisionRow.project_id == project_id)).first() or 0
        self.batch = session.scalars(select(ImportRow.id).where(ImportRow.project_id == project_id)).first() or 0
        self.told = (
            session.scalars(select(PredictionRow.id).where(PredictionRow.project_id == project_id)).first() or ""
        )
        self.category = categories_by_project(session, [project_id])[project_id][0].id


def test_no_read_gives_rows_of_another_project(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> None:
    with runtime.database.transaction() as session:
        mine = create_project(
            session, ann, name="Mine", categories=[NewCategory("Yes"), NewCategory("No")], settings={"audit_rate": 0}
        )
        theirs = find_project(session, ann, filled.slug)
        ingest.start_import(session, ann, theirs, filename="a.csv", path="uploads/none", options=ingest.ImportOptions())
        for one in queue.lease(runtime, session, ann, theirs, 12):
            truth = dict(texts(120))[one.item.text]
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=[truth])
            review.decide(session, ann, theirs, new, runtime.settings)
    serve.predict(runtime, ann, filled.slug, [NewItem("one of theirs", external_id="theirs")])
    put(runtime, ann, mine, [NewItem("yes please"), NewItem("no thanks")])
    drain()
    with runtime.database.transaction() as session:
        other = Others(session, filled.id)
        project = find_project(session, ann, mine.slug)
        own = set(session.scalars(select(ItemRow.id).where(ItemRow.project_id == project.id)))
        assert all((other.item, other.task, other.decision, other.batch, other.told, other.category))
        # Lists
        assert {row.id for row in items_page(session, project.id, ItemFilter())} == own
        assert items_page(session, project.id, ItemFilter(), among=[other.item]) == []
        for wanted in (
            Wanted(),
            Wanted(like=other.text),
            Wanted(sort="confidence"),
            Wanted(min_confidence=0.0),
            Wanted(words=("i",)),
        ):
            page, _ = browse.browse(runtime, session, project, wanted)
            assert {one.item.id for one in page} <= own
        assert browse.browse(runtime, session, project, Wanted(category_id=other.category))[0] == []
        assert {int(row["id"]) for row in export.export_rows(runtime, session, project)} == own
        assert decisions_page(session, project.id, viewer=ann.key, after=None, limit=50).rows == []
        assert (
            decisions_page(session, project.id, viewer=ann.key, after=None, limit=50, category_id=other.category).rows
            == []
        )
        assert imports_page(session, project.id, after=None, limit=50).rows == []
        assert versions_page(session, project.id, after=None, limit=50).rows == []
        assert len(labels_as_of(session, project.id)) == len(hold_out(session, project.id, [])) == 0
        assert monitor.stats(runtime, session, project)["items"]["total"] == 2
        assert monitor.stats(runtime, session, project)["decisions"]["total"] == 0
        assert monitor.accuracy_trend(session, project) == []
        assert jobs.unfinished(session, project.id) == []
        why = serve.why(runtime, session, project, session.get_one(ItemRow, min(own)))
        assert why.neighbours == []
        leased = queue.lease(runtime, session, ann, project, 50)
        assert {one.item.id for one in leased} <= own
        # Things by name
        refused: list[Callable[[], object]] = [
            lambda: ingest.find_item(session, project, other.item),
            lambda: ingest.erase_item(session, ann, project, other.item),
            lambda: find_category(session, project, other.category),
            lambda: find_import(session, project.id, other.batch),
            lambda: browse.browse(runtime, session, project, Wanted(like=str(other.item))),
            lambda: find_version(session, project, 1),
            lambda: review.undo(session, ann, project, other.decision, runtime.settings),
            lambda: review.decide(
                session, ann, project, review.NewDecision(Action.FLAG, task_id=other.task), runtime.settings
            ),
            lambda: review.decide(
                session, ann, project, review.NewDecision(Action.FLAG, item_id=other.item), runtime.settings
            ),
            lambda: serve.feedback(session, ann, project, serve.Feedback("Yes", item_id=other.item)),
            lambda: serve.feedback(session, ann, project, serve.Feedback("Yes", external_id="theirs")),
            lambda: serve.feedback(session, ann, project, serve.Feedback("Yes", prediction_id=other.told)),
        ]
        for name in refused:
            with pytest.raises(Missing):
                name()
        assert queue.release(session, ann, project, [other.task]) == 0
        with pytest.raises(Invalid):
            serve.feedback(session, ann, project, serve.Feedback("Billing", item_id=min(own)))


def test_a_broken_local_file_is_made_anew(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    for path in runtime.pools.root.glob("*/*/scores-*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    for path in runtime.pools.root.glob("*/*/vectors.f16"):
        with path.open("r+b") as file:
            file.truncate(1_001)  # it died while it appended
    with runtime.database.read() as session:
        rows, _ = browse.browse(
            runtime, session, find_project(session, ann, filled.slug), Wanted(sort="confidence"), limit=500
        )
    assert len(rows) == 120
    for path in runtime.pools.root.glob("*/*/scores-*.npz"):
        path.write_bytes(b"")
    with runtime.database.transaction() as session:
        session.execute(update(ProjectRow).values(name="Read again"))
        project = find_project(session, ann, filled.slug)
        assert len(browse.browse(runtime, session, project, Wanted(sort="-confidence"), limit=500)[0]) == 120
