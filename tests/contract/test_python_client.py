"""Every call of the Python client against the real application, on each database."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from models.vocabulary import Role
from tests.api.conftest import PASSWORD, Winnow
from winnow import Client, Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated

TEXTS = {
    "Billing": ("I was charged twice for order {}", "invoice {} shows the wrong amount"),
    "Login": ("error {} appears when I sign in", "the password reset mail {} never came"),
}


def as_role(winnow: Winnow, role: Role) -> Client:
    return Client(api_key=winnow.keys[role], http=winnow.http)


@pytest.fixture
def client(winnow: Winnow) -> Client:
    return as_role(winnow, Role.ADMIN)


@pytest.fixture
def slug(client: Client):
    made = client.create_project(
        "Client tickets",
        text_fields=["text"],
        categories=["Billing", {"name": "Login", "description": "passwords and signing in"}],
        settings={"retrain_every": 500},
    )
    yield made.slug
    client.delete_project(made.slug)


def labelled(count: int) -> list[tuple[str, str]]:
    """Texts with their categories, by turns."""
    names = list(TEXTS)
    return [(TEXTS[names[n % 2]][n // 2 % 2].format(n), names[n % 2]) for n in range(count)]


def filled(winnow: Winnow, client: Client, slug: str, count: int) -> None:
    client.add_items(slug, [{"id": f"e{n}", "text": text} for n, (text, _name) in enumerate(labelled(count))])
    winnow.work()


def test_accounts(winnow, client):
    assert client.me().role == "admin"
    user = client.create_user("bea", "a long enough password", "reviewer")
    assert client.update_user(user.id, role="manager").role == "manager"
    assert {"ada", "bea"} <= {known.username for known in client.users()}

    key = client.create_api_key("shop", expires_at=datetime.now(UTC) + timedelta(days=1))
    assert Client(api_key=key.secret, http=winnow.http).me().role == "program"
    assert key.id in {known.id for known in client.api_keys()}
    client.delete_api_key(key.id)
    with pytest.raises(Unauthenticated):
        Client(api_key=key.secret, http=winnow.http).me()


def test_signing_in_and_out(winnow):
    person = Client(username="ada", password=PASSWORD, http=winnow.http)
    assert person.me().username == "ada"
    old = person.refresh_token
    renewed = Client(refresh_token=old, http=winnow.http)
    assert renewed.me().username == "ada"
    assert renewed.refresh_token != old
    renewed.sign_out()
    with pytest.raises(Unauthenticated):
        renewed.me()


def test_projects_and_categories(client, slug):
    assert slug in {project.slug for project in client.projects()}
    with pytest.raises(Conflict):
        client.create_project("Client tickets")
    assert client.update_project(slug, name="Tickets").name == "Tickets"
    added = client.add_category(slug, "Shipping", description="parcels", shortcut="s")
    assert client.update_category(slug, added.id, description="parcels and couriers").description.endswith("couriers")
    assert {category.name for category in client.categories(slug)} == {"Billing", "Login", "Shipping"}
    client.delete_category(slug, added.id)
    assert "Shipping" not in {known.name for known in client.project(slug).categories if not known.archived}


def test_importing_browsing_and_exporting(winnow, client, slug):
    content = "ref,text\n" + "".join(f"r{n},{text}\n" for n, (text, _) in enumerate(labelled(30)))
    raw = content.encode() + b"r99,caf\xe9 closed\n"
    preview = client.preview_import(slug, raw[:500], "t.csv", encoding="utf-8")
    assert preview.columns == ["ref", "text"]

    started = client.import_file(slug, io.BytesIO(raw), filename="t.csv", id_field="ref", encoding="utf-8")
    winnow.work()
    assert client.wait(started.job_id).status == "succeeded"
    done = client.import_status(slug, started.id)
    assert (done.rows_read, done.rows_added, done.rows_rejected) == (31, 30, 1)
    assert client.import_rejects(slug, started.id).splitlines()[1].startswith("32,")
    assert b"".join(client.download_rejects(slug, started.id)).decode() == client.import_rejects(slug, started.id)
    assert [known.id for known in client.imports(slug)] == [started.id]

    found = list(client.items(slug, limit=7))
    assert len({item.id for item in found}) == 30
    assert client.items_page(slug, limit=7).next_cursor is not None
    detail = client.item(slug, found[0].id)
    assert detail.text == found[0].text
    assert detail.prediction is not None
    client.delete_item(slug, found[0].id)
    with pytest.raises(NotFound):
        client.item(slug, found[0].id)
    assert len(b"".join(client.export(slug)).splitlines()) == 30
    assert len(b"".join(client.export(slug, "jsonl", state="undecided")).splitlines()) == 29


def test_answers_and_feedback(winnow, client, slug):
    program = as_role(winnow, Role.PROGRAM)
    answer = program.predict(slug, ["I cannot sign in", {"text": "charged twice"}], top_k=2, review="always")
    assert answer.model_version == 0
    assert [len(prediction.top) for prediction in answer.predictions] == [2, 2]
    assert all(prediction.item_id for prediction in answer.predictions)
    assert program.feedback(slug, prediction_id=answer.predictions[0].prediction_id, category="Login").decision_id
    with pytest.raises(InvalidRequest):
        program.feedback(slug, text="x", category="No such category")
    with pytest.raises(Forbidden):
        program.train(slug)

    batch = client.predict_batch(slug, b"charged twice\nI cannot sign in\n", filename="t.txt")
    winnow.work()
    lines = b"".join(client.download(client.wait(batch.id))).splitlines()
    assert b"charged twice" in b"".join(lines)
    assert b"Login" in b"".join(lines)


def test_reviewing(winnow, client, slug):
    filled(winnow, client, slug, 30)
    reviewer = as_role(winnow, Role.REVIEWER)
    tasks = reviewer.lease(slug, 5)
    assert len(tasks) == 5
    reviewer.release(slug, [tasks[4].task_id])
    decided = reviewer.decide(slug, task_id=tasks[0].task_id, action="correct", categories=["Login"], seconds=1.5)
    assert decided.categories == ["Login"]
    many = [
        {"task_id": tasks[1].task_id, "action": "correct", "categories": ["Billing"], "idempotency_key": "n1"},
        {"task_id": tasks[2].task_id, "action": "correct", "categories": ["Nothing"], "idempotency_key": "n2"},
    ]
    assert [result.status for result in reviewer.decide_many(slug, many)] == ["created", "failed"]
    assert [result.status for result in reviewer.decide_many(slug, many)] == ["repeated", "failed"]
    reviewer.undo(slug, decided.id)
    since = datetime.now(UTC) - timedelta(hours=1)
    assert decided.id in {known.id for known in client.decisions(slug, since=since, limit=1)}
    assert client.stats(slug).items.decided == 1


def test_versions(winnow, client, slug):
    with pytest.raises(Conflict):
        client.train(slug)
    truth = dict(labelled(40))
    filled(winnow, client, slug, 40)
    for count in (30, 6):  # of 40 texts in two categories, 30 are never of one alone
        tasks = client.lease(slug, count)
        answers = [
            {"task_id": task.task_id, "action": "correct", "categories": [truth[task.item.text]]} for task in tasks
        ]
        assert all(result.status == "created" for result in client.decide_many(slug, answers))
        job = client.train(slug)
        winnow.work()
        client.wait(job.id)

    newest, first = client.versions(slug)
    assert (newest.version, first.version) == (2, 1)
    assert client.version(slug, 2).artifact_sha256 == newest.artifact_sha256
    again = client.reproduce(slug, 1)
    winnow.work()
    proof = client.wait(again.id).result
    assert proof is not None
    assert proof["same"], proof
    assert client.promote(slug, 1, "a test").version == 1
    assert client.predict(slug, "charged twice").model_version == 1
    assert client.put_in_shadow(slug, 2).version == 2
    client.predict(slug, "charged twice once more")
    beside = client.shadow(slug)
    assert (beside.version, beside.serving, beside.predictions) == (2, 1, 1)
    assert len(beside.examples) == beside.differing
    client.take_out_of_shadow(slug, 2)
    assert client.shadow(slug).version is None
    assert client.rollback(slug).version != 1
    assert client.compare(slug, 1, 2).flips is not None
    assert all(point.audited >= 0 for point in client.accuracy(slug))
    assert client.automation(slug, 0.9).target == 0.9
    stats = client.stats(slug)
    assert stats.latest_model is not None
    assert stats.latest_model.version == 2
    assert client.cancel_job(job.id).status == "succeeded"


def test_operations(client):
    assert client.health().status
    assert client.ready().parts["database"].ok
    assert isinstance(client.alerts(), list)
