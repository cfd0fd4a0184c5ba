"""The page Second looks: likely errors, disputes and flagged items, against the real API."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import CATEGORIES, TEXTS, Stage
from tests.ui.test_pages import press, signed_in, words

pytestmark = pytest.mark.usefixtures("stage")
TRUTH = {"I": "Billing", "e": "Login", "p": "Shipping"}


def clicked(shown: AppTest, key: str) -> AppTest:
    return next(button for button in shown.button if button.key == key).click().run()


def looking_at(tab: str) -> AppTest:
    shown = signed_in("mary", "views/second.py")
    shown.segmented_control[0].set_value(tab).run()
    assert not shown.exception
    return shown


def test_a_second_look_is_kept_changed_and_taken_back(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        items = list(client.items(tickets, limit=100))
        for place, item in enumerate(items):
            right = TRUTH[item.text[0]]
            name = next(other for other in TRUTH.values() if other != right) if place in {3, 20} else right
            client.decide(tickets, item_id=item.id, action="correct", categories=[name])
        stage.drain()
        wrong = {items[3].id, items[20].id}
        found = [one for one in client.label_errors(tickets) if one.item_id in wrong]
        assert len(found) == 2
        changed, kept = found

        shown = signed_in("mary", "views/second.py")
        assert not shown.exception
        assert items[3].text in words(shown)
        clicked(shown, f"say-{changed.item_id}-{changed.suggested}")
        assert client.item(tickets, changed.item_id).category == changed.suggested
        clicked(shown, f"say-{kept.item_id}-{kept.category}")
        assert f"{kept.category} stays." in words(shown)
        assert client.item(tickets, kept.item_id).category == kept.category
        assert not wrong & {one.item_id for one in client.label_errors(tickets)}

        press(shown, "Undo")
        assert kept.item_id in {one.item_id for one in client.label_errors(tickets)}


def test_a_dispute_is_settled_and_taken_back_and_a_flag_answered(stage: Stage) -> None:
    with stage.client() as mary, stage.client("rita") as rita:
        slug = mary.create_project(
            "Of two minds", categories=CATEGORIES, settings={"reviews_per_item": 2, "audit_rate": 0.0}
        ).slug
        mary.add_items(slug, [TEXTS[number % 3].format(number) for number in range(6)])
        stage.drain()
        for client, name, note in ((mary, "Billing", None), (rita, "Login", "it says error")):
            leased = client.lease(slug)
            task = next(one for one in leased if one.item.text == "error 1 when I sign in")
            client.decide(slug, task_id=task.task_id, action="correct", categories=[name], note=note)
            client.release(slug, [one.task_id for one in leased])
        flagged = next(one for one in rita.lease(slug) if one.item.text == "parcel 2 has not arrived yet")
        rita.decide(slug, task_id=flagged.task_id, action="flag", note="which parcel?")

        shown = looking_at("Disputes")
        assert "error 1 when I sign in" in words(shown)
        assert "mary said **Billing**" in words(shown)
        assert "rita said **Login**: “it says error”" in words(shown)
        clicked(shown, f"say-{task.item.id}-Login")
        assert mary.item(slug, task.item.id).category == "Login"
        assert "It is Login now." in words(shown)
        assert "No answers contradict each other." in words(shown)
        press(shown, "Undo")
        assert mary.item(slug, task.item.id).state == "disputed"

        shown = looking_at("Flagged")
        assert "rita flagged it: “which parcel?”" in words(shown)
        clicked(shown, next(one.key for one in shown.button if str(one.key).startswith(f"say-{flagged.item.id}-")))
        assert mary.item(slug, flagged.item.id).state == "decided"


@pytest.mark.usefixtures("tickets")
def test_a_project_of_single_answers_says_why_nothing_is_in_dispute() -> None:
    assert "One person answers each item of this project" in words(looking_at("Disputes"))
    assert "Nothing is flagged." in words(looking_at("Flagged"))


def test_what_fits_nothing_becomes_a_category_by_a_button(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        for item in client.items(tickets, limit=100):
            client.decide(tickets, item_id=item.id, action="correct", categories=[TRUTH[item.text[0]]])
        client.add_items(tickets, [f"my parrot number {n} will not talk to its cage" for n in range(12)])
        stage.drain()
        shown = looking_at("Fits nothing")
        assert "12 items alike" in words(shown)
        name = next(one for one in shown.text_input if one.label == "Name")
        name.set_value("Pets").run()
        press(shown, "Make this a category")
        assert not shown.exception
        assert "Pets is a category now." in words(shown)
        assert "Pets" in {one.name for one in client.categories(tickets)}
        assert "parrot" in client.lease(tickets)[0].item.text
