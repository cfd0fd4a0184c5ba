"""Many at once between the browser and the real API: each item its own decision, nothing lost, the group taken back."""

from itertools import count
from typing import Any

from tests.ui.conftest import Stage
from tests.ui.test_pages import signed_in
from ui.groups import Table
from winnow import Client

_numbers = count(1)


def piles_of(table: Table, client: Client) -> list[dict[str, Any]]:
    assert table.serve(client, {"entries": [], "want": f"want-{next(_numbers)}"}) == []
    assert table.batch is not None
    return list(table.batch["piles"])


def accepting(pile: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "nonce": f"pile-{next(_numbers)}",
        "action": "accept",
        "categories": pile["categories"],
        "shown": {"category": pile["category"], "model_version": pile["model_version"]},
        "items": [{"item_id": item["item_id"], "confidence": item["confidence"]} for item in pile["items"]],
        "seconds": 0.4,
        **more,
    }


def test_a_group_is_stored_once_and_taken_back_whole(stage: Stage, tickets: str) -> None:
    table = Table(tickets)
    with stage.client() as client:
        pile = piles_of(table, client)[0]
        entry = accepting(pile)
        told = table.serve(client, {"entries": [entry], "want": None})
        assert (told[0]["ok"], len(told[0]["stored"])) == (True, len(pile["items"]))
        again = Table(tickets).serve(client, {"entries": [entry], "want": None})
        assert again[0]["stored"] == told[0]["stored"], "after a reload the browser sends it again"
        decided = list(client.decisions(tickets))
        assert len(decided) == len(pile["items"])
        assert {one.action for one in decided} == {"accept"}

        undo = {"nonce": "u", "action": "undo", "of": entry["nonce"], "decision_ids": None}
        assert table.serve(client, {"entries": [undo], "want": None})[0]["ok"]
        assert client.stats(tickets).items.decided == 0
        never = {"nonce": "v", "action": "undo", "of": "never sent", "decision_ids": None}
        assert table.serve(client, {"entries": [never], "want": None})[0]["ok"]


def test_another_answer_corrects_the_group_and_what_was_settled_meanwhile_is_told(stage: Stage, tickets: str) -> None:
    table = Table(tickets)
    with stage.client() as client, stage.client("rita") as rita:
        pile = piles_of(table, client)[0]
        taken = pile["items"][0]["item_id"]
        rita.decide(tickets, item_id=taken, action="correct", categories=["Shipping"])
        told = table.serve(client, {"entries": [accepting(pile, categories=["Login"], correct=True)], "want": None})
        assert (told[0]["ok"], told[0]["refused"]) == (False, 1)
        assert "meanwhile" in told[0]["detail"]
        assert client.item(tickets, taken).category == "Shipping"
        assert client.item(tickets, pile["items"][1]["item_id"]).category == "Login"


def test_an_outage_acknowledges_nothing_and_says_so(stage: Stage, tickets: str) -> None:
    table = Table(tickets)
    with stage.client() as client:
        pile = piles_of(table, client)[0]
        stage.stop()
        assert table.serve(client, {"entries": [accepting(pile)], "want": None}) == []
        assert "does not answer" in table.trouble


def test_chosen_items_are_grouped_by_their_answer(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        ids = tuple(item["item_id"] for pile in piles_of(Table(tickets), client) for item in pile["items"])
        piles = piles_of(Table(tickets, chosen=ids), client)
        assert sorted(item["item_id"] for pile in piles for item in pile["items"]) == sorted(ids)
        assert all(pile["chosen"] for pile in piles)
        assert piles_of(Table(tickets, category="Login", min_confidence=0.999999), client) == []


def test_the_page_has_its_choice_of_groups(stage: Stage, tickets: str) -> None:
    assert stage
    assert tickets
    shown = signed_in("rita", "views/together.py")
    assert not shown.exception
    assert [box.label for box in shown.selectbox if box.label != "Project"] == ["Category", "Confidence"]
