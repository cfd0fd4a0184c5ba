"""The desk between the card and the real API: nothing lost, nothing doubled, everything told back."""

from itertools import count
from typing import Any

import pytest

from tests.ui.conftest import CATEGORIES, TEXTS, Stage
from ui import reasons
from ui.desk import Desk
from winnow import Client, Unauthenticated
from winnow.schemas import Item

_numbers = count(1)


def want(number: int) -> dict[str, Any]:
    return {"id": f"want-{next(_numbers)}", "count": number}


def entry(task: dict[str, Any], categories: list[str], **more: Any) -> dict[str, Any]:
    return {
        "nonce": f"nonce-{next(_numbers)}",
        "task_id": task["task_id"],
        "item_id": task["item_id"],
        "action": "correct" if categories else "skip",
        "categories": categories,
        "seconds": 1.5,
        **more,
    }


def tasks_of(desk: Desk, client: Client, number: int = 3) -> list[dict[str, Any]]:
    assert desk.serve(client, {"entries": [], "want": want(number)}) == []
    assert desk.batch is not None
    return list(desk.batch["tasks"])


def stored(client: Client, slug: str) -> list[tuple[str | None, list[str]]]:
    return [(one.action, one.categories) for one in client.decisions(slug)]


def test_a_request_for_tasks_is_answered_once(stage: Stage, tickets: str) -> None:
    desk, asked = Desk(tickets), want(4)
    with stage.client() as client:
        desk.serve(client, {"entries": [], "want": asked})
        first = desk.batch
        desk.serve(client, {"entries": [], "want": asked})
        assert desk.batch is first
        assert client.stats(tickets).queue.leased == 4


def test_a_growing_list_sent_again_and_again_stores_each_decision_once(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        sent: list[dict[str, Any]] = []
        for task in tasks_of(desk, client):
            sent.append(entry(task, ["Billing"]))
            told = desk.serve(client, {"entries": list(sent), "want": None})
        assert [one["ok"] for one in told] == [True] * 3
        assert stored(client, tickets) == [("correct", ["Billing"])] * 3

        after_reload = Desk(tickets)  # a reload makes a new session, and the browser sends what it still has
        again = after_reload.serve(client, {"entries": sent, "want": None})
        assert [one["decision_id"] for one in again] == [one["decision_id"] for one in told]
        assert len(stored(client, tickets)) == 3


def test_undo_after_and_before_the_acknowledgement(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        first, second, _ = tasks_of(desk, client)
        one, two = entry(first, ["Billing"]), entry(second, ["Login"])
        desk.serve(client, {"entries": [one], "want": None})
        acknowledged = {
            "nonce": "u1",
            "action": "undo",
            "of": one["nonce"],
            "decision_id": desk.outcomes[one["nonce"]].decision_id,
        }
        unsent = {"nonce": "u2", "action": "undo", "of": two["nonce"], "decision_id": None}
        told = desk.serve(client, {"entries": [acknowledged, two, unsent], "want": None})
        assert [entry["ok"] for entry in told] == [True, True, True]
        assert client.stats(tickets).items.decided == 0

        again = entry(first, ["Shipping"])  # the card is back in front, and its task with it
        told = desk.serve(client, {"entries": [again], "want": None})
        assert told[0]["ok"]
        assert client.item(tickets, first["item_id"]).category == "Shipping"


def test_undo_of_what_never_arrived_is_no_error(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        told = desk.serve(
            client, {"entries": [{"nonce": "u", "action": "undo", "of": "never", "decision_id": None}], "want": None}
        )
        assert told[0]["ok"]


def test_a_refused_answer_says_why_and_can_be_stored_for_the_item(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as mary, stage.client("rita") as rita:
        task = next(one for one in tasks_of(desk, mary, 10) if not one["blind"])
        rita_has = Desk(tickets)
        desk.leave(mary)
        taken = next(one for one in tasks_of(rita_has, rita, 50) if one["task_id"] == task["task_id"])
        late = entry(task, ["Billing"])
        told = desk.serve(mary, {"entries": [late], "want": None})
        assert not told[0]["ok"]
        assert told[0]["code"] == "lease-lost"
        assert told[0]["detail"]

        insisted = {**late, "nonce": "insisted", "task_id": None}
        assert desk.serve(mary, {"entries": [insisted], "want": None})[0]["ok"]
        assert mary.item(tickets, task["item_id"]).category == "Billing"
        assert taken["item_id"] == task["item_id"]


def test_an_unknown_category_loses_only_its_own_answer(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        good, bad, other = tasks_of(desk, client)
        told = desk.serve(
            client,
            {"entries": [entry(good, ["Billing"]), entry(bad, ["Gardening"]), entry(other, [])], "want": None},
        )
        assert [one["ok"] for one in told] == [True, False, True]
        assert "Gardening" in told[1]["detail"]


def test_an_outage_acknowledges_nothing_and_says_so(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        task = tasks_of(desk, client)[0]
        stage.stop()
        told = desk.serve(client, {"entries": [entry(task, ["Billing"])], "want": want(5)})
        assert told == []
        assert "does not answer" in desk.trouble
        assert [one["name"] for one in desk.categories] == ["Billing", "Login", "Shipping"], "the card stays as it was"


def test_a_lost_sign_in_is_passed_on(stage: Stage, tickets: str) -> None:
    with Client(stage.url, access_token="not a token", retries=0) as stranger, pytest.raises(Unauthenticated):
        Desk(tickets).serve(stranger, {"entries": [], "want": want(1)})


def test_leaving_gives_back_what_was_not_decided(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        first, *rest = tasks_of(desk, client)
        desk.serve(client, {"entries": [entry(first, ["Login"])], "want": None})
        desk.leave(client)
        assert client.stats(tickets).queue.leased == 0
        assert sorted(desk.released) == sorted(one["task_id"] for one in rest)


def test_a_blind_card_carries_nothing_of_the_machine(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        cards = tasks_of(desk, client, 50)
    blind = [one for one in cards if one["blind"]]
    assert blind
    assert all(one["prediction"] is None and "random" in one["why"] for one in blind)
    shown = [one for one in cards if not one["blind"]]
    assert shown
    assert all(one["prediction"]["category"] in {"Billing", "Login", "Shipping"} and one["why"] for one in shown)
    assert all(0 < one["seconds_left"] <= 300 for one in cards)


def test_of_several_categories_the_whole_set_is_stored(stage: Stage) -> None:
    with stage.client() as client:
        slug = client.create_project("Topics", task="multi", categories=CATEGORIES).slug
        client.add_items(slug, [TEXTS[number % 3].format(number) for number in range(12)])
        stage.drain()
        desk = Desk(slug)
        first = tasks_of(desk, client)[0]
        assert desk.several
        suggested = first["prediction"]
        assert suggested is None or suggested["category"] in suggested["categories"]
        told = desk.serve(client, {"entries": [entry(first, ["Billing", "Login"])], "want": None})
        assert told[0]["ok"]
        assert stored(client, slug) == [("correct", ["Billing", "Login"])]


def test_reasons_come_beside_the_work_and_in_the_units_of_the_browser(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        shown = next(one for one in tasks_of(desk, client, 20) if not one["blind"])
        desk.serve(client, {"entries": [], "want": None, "why": shown["item_id"]})
        assert desk.why.coming is not None
        found = desk.why.coming.result(timeout=240)
        assert desk.why.answer == found
        assert found["item_id"] == shown["item_id"]
        assert found["words"]
        assert all(0 <= one["start"] < one["end"] <= len(shown["text"]) for one in found["words"])
        coming = desk.why.coming
        desk.serve(client, {"entries": [], "want": None, "why": shown["item_id"]})
        assert desk.why.coming is coming, "asked once"
        desk.serve(client, {"entries": [], "want": None, "why": "999999"})
        assert desk.why.coming.result(timeout=240) == {
            "item_id": "999999",
            "words": [],
            "neighbours": [],
            "failed": True,
        }
        coming = desk.why.coming
        desk.serve(client, {"entries": [], "want": None, "why": "999999"})
        assert desk.why.coming is not coming, "what failed may be asked again"


def test_a_guideline_comes_with_what_people_decided(stage: Stage, tickets: str) -> None:
    desk = Desk(tickets)
    with stage.client() as client:
        for task in tasks_of(desk, client, 3):
            right = "Billing" if "charged" in task["text"] else "Login"
            desk.serve(client, {"entries": [entry(task, [right], note="as agreed")], "want": None})
        wanted = {one.name: one.id for one in client.project(tickets).categories}
        decided = [one for one in client.decisions(tickets) if one.categories == ["Login"]]
        desk.serve(client, {"entries": [], "want": None, "guide": wanted["Login"]})
        assert desk.guide.coming is not None
        found = desk.guide.coming.result(timeout=240)
        assert found["category_id"] == wanted["Login"]
        assert {one["item_id"] for one in found["typical"]} <= {one.item_id for one in decided}
        assert {(one["kind"], one["note"]) for one in found["questions"]} == {("note", "as agreed")}
        desk.serve(client, {"entries": [], "want": None, "guide": "999999"})
        assert desk.guide.coming.result(timeout=240) == {"category_id": "999999", "failed": True}


def test_places_in_a_text_are_counted_as_javascript_counts() -> None:
    word = {"word": "café", "start": 2, "end": 6, "weight": 1.0}
    near = {"item_id": "2", "text": "x " * 300, "category": "Login", "similarity": 0.9}
    found = reasons.of(Item(id="1", text="😀 café", words=[word], neighbours=[near] * 5))
    assert found["words"] == [{"start": 3, "end": 7, "weight": 1.0}]
    assert len(found["neighbours"]) == 3
    assert len(found["neighbours"][0]["text"]) < 200
