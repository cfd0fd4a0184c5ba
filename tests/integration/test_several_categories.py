"""Projects in which an item has several categories, from import to export, on both databases."""

from models.runtime import Runtime
from models.steps import ingest, monitor, queue, review, serve
from models.steps.accounts import Caller
from models.steps.export import export_rows
from models.steps.ingest import add_items
from models.steps.items import NewItem
from models.steps.projects import NewCategory, add_category, create_project, find_project
from models.store.queries.projects import categories_of
from models.store.tables import ImportRow, ProjectRow
from models.vocabulary import Action, JobStatus, TaskKind
from tests.integration.conftest import EVEN_RESERVE, Drain

PARTS = {
    "Billing": ("I was charged twice for order {}", "the invoice {} is wrong"),
    "Login": ("I cannot sign in, error {}", "the password mail {} never came"),
    "Shipping": ("parcel {} has not arrived", "the courier lost package {}"),
}


def complaints(count: int) -> list[tuple[str, list[str]]]:
    """Texts about one or two things at once."""
    names = list(PARTS)
    told = []
    for number in range(count):
        first = names[number % 3]
        about = [first] if number % 2 else [first, names[(number + 1) % 3]]
        told.append((" and ".join(PARTS[name][(number // 3) % 2].format(number) for name in about), about))
    return told


def project_of_sets(runtime: Runtime, ann: Caller) -> ProjectRow:
    with runtime.database.transaction() as session:
        project = create_project(
            session,
            ann,
            name="Complaints",
            task=TaskKind.MULTI,
            categories=[NewCategory(name) for name in PARTS],
            settings={"retrain_every": 30, "audit_rate": 0.3},
        )
        project.salt = EVEN_RESERVE
        add_items(session, ann, project, [NewItem(text) for text, _ in complaints(150)])
        return project


def test_sets_are_learnt_measured_and_answered(runtime: Runtime, ann: Caller, drain: Drain) -> None:
    slug = project_of_sets(runtime, ann).slug
    truth = dict(complaints(150))
    drain()
    for _ in range(2):
        with runtime.database.transaction() as session:
            project = find_project(session, ann, slug)
            leased = queue.lease(runtime, session, ann, project, 40)
            for one in leased:
                new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=truth[one.item.text])
                review.decide(session, ann, project, new, runtime.settings)
        drain()

    unseen = complaints(190)[150:]
    answers = serve.predict(runtime, ann, slug, [NewItem(text) for text, _ in unseen])
    said = [{row.name for row in one.prediction.categories} for one in answers.answers]
    assert answers.number >= 1
    # One category a text, however well chosen, could be right for half of them only.
    assert sum(one == set(about) for one, (_, about) in zip(said, unseen, strict=True)) > 0.6 * len(unseen)
    assert {len(one) for one in said} >= {1, 2}
    assert all(0 <= one.prediction.confidence <= 1 for one in answers.answers)
    with runtime.database.read() as session:
        project = find_project(session, ann, slug)
        told = monitor.stats(runtime, session, project)
        assert told["accuracy"]["audited"] >= 10
        assert told["accuracy"]["accuracy"] > 0.5
        trend = monitor.accuracy_trend(session, project)
        assert sum(point.audited for point in trend) == told["accuracy"]["audited"]
        decided = [row for row in export_rows(runtime, session, project) if row["category"]]
    assert {row["text"]: set(row["category"]) for row in decided} == {
        row["text"]: set(truth[row["text"]]) for row in decided
    }


def test_accepting_takes_the_whole_set_that_was_shown(runtime: Runtime, ann: Caller, drain: Drain) -> None:
    slug = project_of_sets(runtime, ann).slug
    truth = dict(complaints(150))
    drain()
    with runtime.database.transaction() as session:
        project = find_project(session, ann, slug)
        for one in queue.lease(runtime, session, ann, project, 50):
            new = review.NewDecision(Action.CORRECT, task_id=one.task.id, categories=truth[one.item.text])
            review.decide(session, ann, project, new, runtime.settings)
    drain()
    seen = []
    with runtime.database.transaction() as session:
        project = find_project(session, ann, slug)
        for one in queue.lease(runtime, session, ann, project, 50):
            if one.prediction is None:
                continue
            done = review.decide(
                session, ann, project, review.NewDecision(Action.ACCEPT, task_id=one.task.id), runtime.settings
            )
            assert set(done.categories) == {row.name for row in one.prediction.categories}
            seen.append(len(done.categories))
    assert max(seen) > 1


def test_a_label_that_stands_twice_in_a_row_counts_once(runtime: Runtime, ann: Caller, drain: Drain) -> None:
    slug = project_of_sets(runtime, ann).slug
    with runtime.database.transaction() as session:
        add_category(session, ann, find_project(session, ann, slug), NewCategory("AC|DC"))
    folder = ingest.upload_folder(runtime.settings)
    rows = 'text,kind\nfirst,Billing|billing|Login\nsecond,AC|DC\nthird,"[""AC|DC"", ""Login""]"\nfourth,[]\n'
    (folder / "a").write_text(rows)
    with runtime.database.transaction() as session:
        options = ingest.ImportOptions(label_field="kind")
        project = find_project(session, ann, slug)
        import_id = ingest.start_import(session, ann, project, filename="a.csv", path="uploads/a", options=options).id
    drain()
    with runtime.database.read() as session:
        row = session.get_one(ImportRow, import_id)
        assert (row.status, row.rows_added, row.rows_rejected) == (JobStatus.SUCCEEDED, 4, 0), row.error
        project = find_project(session, ann, slug)
        given = {one["text"]: set(one["category"]) for one in export_rows(runtime, session, project)}
        names = {one.name for one in categories_of(session, project.id)}
    assert [given[text] for text in ("first", "second", "third", "fourth")] == [
        {"Billing", "Login"},
        {"AC|DC"},
        {"AC|DC", "Login"},
        set(),
    ]
    assert names == {*PARTS, "AC|DC"}
