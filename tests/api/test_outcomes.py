"""People in the loop for programs: asked in time, answered by polling or webhook, and who learnt from it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from models.store.tables import DeliveryRow, TaskRow
from tests.api.conftest import Winnow, make_project

P = "/v1/projects/support-tickets"


def ask(winnow: Winnow, text: str, role: str = "program", **more: object) -> dict[str, object]:
    body = {"items": [{"text": text}], "review": "always", **more}
    answer = winnow.post(f"{P}/predict", role, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"][0]


def lease(winnow: Winnow, count: int = 50) -> list[dict[str, object]]:
    return winnow.post(f"{P}/queue/lease", "reviewer", json={"count": count}).json()["tasks"]


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def look(winnow: Winnow, asked: dict[str, object], role: str = "program"):
    return winnow.get(f"{P}/predictions/{asked['prediction_id']}", role)


@pytest.mark.usefixtures("project")
def test_the_most_urgent_is_asked_first(winnow: Winnow) -> None:
    ask(winnow, "whenever")
    ask(winnow, "later", deadline=in_minutes(60))
    ask(winnow, "sooner", deadline=in_minutes(30))
    ask(winnow, "not so important", priority=1, deadline=in_minutes(20))
    ask(winnow, "most important", priority=9)
    ask(winnow, "whenever", priority=8)
    order = [task["item"]["text"] for task in lease(winnow)]
    assert order == ["most important", "whenever", "sooner", "later", "not so important"]


def test_a_question_chosen_by_the_ranking_becomes_the_programs(winnow: Winnow) -> None:
    make_project(winnow, settings={"audit_rate": 0})  # a blind audit stays one
    winnow.post(f"{P}/items", json={"items": [{"text": f"ticket {number}"} for number in range(8)]})
    winnow.work()
    ask(winnow, "ticket 5", priority=9)
    winnow.post(f"{P}/queue/release", "reviewer", json={"task_ids": [task["task_id"] for task in lease(winnow)]})
    winnow.work()
    first = lease(winnow, 1)[0]
    assert (first["item"]["text"], first["reason"]) == ("ticket 5", "requested")


@pytest.mark.usefixtures("project")
def test_nobody_is_asked_after_the_deadline_on_a_programs_behalf(winnow: Winnow) -> None:
    late = ask(winnow, "too late", deadline=in_minutes(5))
    assert look(winnow, late).json()["review"]["status"] == "waiting"
    with winnow.database.transaction() as session:
        session.execute(update(TaskRow).values(deadline=datetime.now(UTC) - timedelta(seconds=1)))
    assert lease(winnow) == []
    assert look(winnow, late).json()["review"]["status"] == "expired"
    winnow.work()
    tasks = lease(winnow)
    assert {task["reason"] for task in tasks} < {"diverse", "audit"}, "the ranking may still want to know"


@pytest.mark.usefixtures("project")
def test_one_program_that_waits_without_end_keeps_the_question(winnow: Winnow) -> None:
    ask(winnow, "both want this")
    ask(winnow, "both want this", deadline=in_minutes(60))
    ask(winnow, "first short", deadline=in_minutes(60))
    ask(winnow, "first short", deadline=in_minutes(180))
    ask(winnow, "first short", deadline=in_minutes(120))
    with winnow.database.read() as session:
        rows = session.scalars(select(TaskRow).order_by(TaskRow.id)).all()
    assert rows[0].deadline is None
    assert rows[1].deadline > datetime.now(UTC) + timedelta(minutes=150)


@pytest.mark.parametrize(
    "more",
    [{"priority": 10}, {"priority": -1}, {"deadline": "2020-01-01T00:00:00Z"}, {"deadline": "2099-01-01T00:00:00"}],
)
@pytest.mark.usefixtures("project")
def test_an_impossible_wish_is_refused(winnow: Winnow, more: dict[str, object]) -> None:
    body = {"items": [{"text": "x"}], "review": "always", **more}
    assert winnow.post(f"{P}/predict", "program", json=body).status_code == 422


@pytest.mark.usefixtures("project")
def test_a_program_finds_the_final_category_by_polling_and_by_webhook(winnow: Winnow) -> None:
    hook = {"url": "https://example.com/hook", "events": ["item.decided"]}
    assert winnow.post(f"{P}/webhooks", json=hook).status_code == 201
    asked = ask(winnow, "charged twice for one order")
    before = look(winnow, asked).json()
    assert (before["final"], before["review"]) == (None, {"status": "waiting", "deadline": None})
    assert before["category"] == asked["category"]
    task = lease(winnow, 1)[0]["task_id"]
    decision = {"task_id": task, "action": "correct", "categories": ["Login"]}
    decided = winnow.post(f"{P}/decisions", "reviewer", json=decision).json()
    after = look(winnow, asked).json()
    assert after["review"]["status"] == "decided"
    assert (after["final"]["category"], after["final"]["decision_id"]) == ("Login", decided["id"])
    assert after["final"]["learnt_by"] is None
    with winnow.database.read() as session:
        assert asked["item_id"] in session.scalars(select(DeliveryRow.body)).one()
    winnow.call("DELETE", f"{P}/decisions/{decided['id']}", "reviewer")
    assert look(winnow, asked).json()["final"] is None


@pytest.mark.usefixtures("project")
def test_a_program_sees_no_other_programs_predictions_and_decisions(winnow: Winnow) -> None:
    mine, other = ask(winnow, "mine"), ask(winnow, "another one's", role="manager")
    assert look(winnow, mine).status_code == 200
    assert look(winnow, other).status_code == 404
    assert look(winnow, mine, "reviewer").status_code == 200
    told = winnow.post(f"{P}/feedback", "manager", json={"text": "told by another", "category": "Login"}).json()
    assert winnow.get(f"{P}/decisions/{told['decision_id']}", "program").status_code == 404
    assert winnow.get(f"{P}/decisions/{told['decision_id']}", "reviewer").json()["source"] == "feedback"


@pytest.mark.usefixtures("project")
def test_a_program_reads_of_others_items_no_more_than_it_sent(winnow: Winnow) -> None:
    secret = {"id": "T-7", "text": "a complaint of Jane's", "fields": {"email": "jane@example.com"}}
    stored = winnow.post(f"{P}/items", json={"items": [secret]}).json()["items"][0]["id"]
    winnow.post(f"{P}/decisions", "reviewer", json={"item_id": stored, "action": "skip", "note": "poor Jane"})
    item = f"{P}/items/{stored}"
    told = {"item_id": stored, "category": "Login"}
    assert winnow.post(f"{P}/feedback", "program", json=told).status_code == 201
    assert winnow.get(item, "program").status_code == 404, "to tell of an item is not to have sent it"
    body = {"items": [{"id": "T-7", "text": "a guess", "fields": {"mine": 1}}], "review": "always"}
    asked = winnow.post(f"{P}/predict", "program", json=body).json()["predictions"][0]
    assert asked["item_id"] == stored, "by its id it is the item that was there"
    final = {"item_id": stored, "action": "correct", "categories": ["Billing"]}
    winnow.post(f"{P}/decisions", "reviewer", json=final)
    seen = winnow.get(item, "program")
    assert (seen.json()["text"], seen.json()["fields"], seen.json()["category"]) == ("a guess", {"mine": 1}, "Billing")
    assert [one["source"] for one in seen.json()["decisions"]] == ["review", "feedback"]
    assert (seen.json()["words"], seen.json()["neighbours"]) == ([], [])
    assert "ane" not in seen.text


@pytest.mark.usefixtures("project")
def test_a_program_learns_which_version_learnt_from_its_feedback(winnow: Winnow) -> None:
    def tell(text: str, category: str) -> str:
        answer = winnow.post(f"{P}/feedback", "program", json={"text": text, "category": category})
        return str(answer.json()["decision_id"])

    def learnt(decision: str) -> int | None:
        return winnow.get(f"{P}/decisions/{decision}", "program").json()["learnt_by"]

    first = tell("charged twice", "Billing")
    replaced = tell("cannot log in", "Billing")
    tell("forgot my password", "Login")
    second = tell("cannot log in", "Login")
    assert learnt(first) is None
    assert winnow.post(f"{P}/train").status_code == 202
    winnow.work()
    later = tell("where is my invoice", "Billing")
    assert [learnt(one) for one in (first, second, replaced, later)] == [1, 1, None, None]
    assert winnow.post(f"{P}/train").status_code == 202
    winnow.work()
    assert [learnt(one) for one in (first, later)] == [1, 2], "the first that learnt from it"
