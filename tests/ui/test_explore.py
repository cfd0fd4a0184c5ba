"""Explore, the page of one item and the map, run by Streamlit's own test runner against the real API."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import Stage
from tests.ui.test_pages import press, signed_in, words
from ui import bulk
from ui.components import cloud, history, weighed
from winnow.schemas_groups import Point

pytestmark = pytest.mark.usefixtures("stage")


def field(shown: AppTest, kind: str, key: str) -> Any:
    return next(one for one in getattr(shown, kind) if one.key == key)


def opened(page: str, **asked: str) -> AppTest:
    shown = signed_in("mary")
    for name, value in asked.items():
        shown.query_params[name] = value
    return shown.switch_page(page).run()


def test_filters_stand_in_the_address_and_the_address_sets_them(stage: Stage, tickets: str) -> None:
    with stage.client("rita") as rita:
        first = next(iter(rita.items(tickets, q="charged")))
        rita.decide(tickets, item_id=first.id, action="correct", categories=["Billing"])
    shown = opened("views/explore.py", project=tickets, reviewer="rita", category="Billing")
    assert not shown.exception
    assert field(shown, "text_input", "reviewer").value == "rita"
    assert [row["Decided"] for row in shown.dataframe[0].value.to_dict("records")] == ["Billing"]
    field(shown, "text_input", "reviewer").set_value("nobody").run()
    assert "Nothing matches" in words(shown)


def test_disputed_items_can_be_listed(stage: Stage) -> None:
    with stage.client() as mary, stage.client("rita") as rita:
        settings = {"reviews_per_item": 2, "audit_rate": 0.0}
        slug = mary.create_project(
            "Two look", categories=[{"name": "Billing"}, {"name": "Login"}], settings=settings
        ).slug
        mary.add_items(slug, [f"charged twice for order {number}" for number in range(3)])
        item = next(iter(mary.items(slug)))
        mary.decide(slug, item_id=item.id, action="correct", categories=["Billing"])
        rita.decide(slug, item_id=item.id, action="correct", categories=["Login"])
    shown = opened("views/explore.py", project=slug, state="Disputed")
    assert not shown.exception
    assert len(shown.dataframe[0].value) == 1


def test_an_item_has_a_page_with_its_history_and_can_be_decided_there(stage: Stage, tickets: str) -> None:
    with stage.client("rita") as rita:
        item = next(iter(rita.items(tickets, q="charged")))
        near = next(one for one in rita.items(tickets, q="charged") if one.id != item.id)
        rita.decide(tickets, item_id=near.id, action="correct", categories=["Billing"])
        rita.decide(tickets, item_id=item.id, action="correct", categories=["Login"], note="not sure")
    shown = opened("views/item.py", project=tickets, item=item.id)
    assert not shown.exception
    table = shown.dataframe[0].value.to_dict("records")
    assert [(row["Who"], row["What"], row["Category"], row["Note"]) for row in table] == [
        ("rita", "chosen", "Login", "not sure")
    ]
    assert near.text in words(shown)
    next(box for box in shown.selectbox if box.label == "It is").set_value("Billing").run()
    press(shown, "Decide")
    assert "1 item decided as Billing." in words(shown)
    with stage.client() as client:
        now = client.item(tickets, item.id)
        assert now.category == "Billing"
        assert now.decisions[1]["said"] is None
        said = now.decisions[0]["said"]
        assert said["category"] == now.prediction.category
    press(shown, "Take back")
    assert "Taken back." in words(shown)
    with stage.client() as client:
        assert client.item(tickets, item.id).category == "Login"


def test_an_item_that_is_not_there_is_said(tickets: str) -> None:
    shown = opened("views/item.py", project=tickets, item="999999")
    assert "has no item 999999" in words(shown)
    assert "Open an item from Explore" in words(opened("views/item.py", project=tickets))


def test_ticked_items_are_decided_together_each_by_itself(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        items = list(client.items(tickets, q="charged"))[:5]
        shown = bulk._shown(items[0])
        assert set(shown["shown"]) == {"category", "confidence", "model_version"}


def test_the_map_is_drawn_and_a_rectangle_chooses(tickets: str) -> None:
    shown = opened("views/explore.py", project=tickets, view="Map")
    assert not shown.exception
    assert "All 60 items." in words(shown)
    points = [Point(item_id=str(n), x=n / 10, y=-n / 10, category="Login", state="decided") for n in range(5)]
    chosen = cloud.inside(points, {"x": [0.35, 0.05], "y": [-0.35, 0.0]})
    assert [one.item_id for one in chosen] == ["1", "2", "3"]
    assert cloud.inside(points, {}) == []


def test_beyond_nine_categories_the_rest_share_a_colour() -> None:
    points = [Point(item_id=str(n), x=0, y=0, category=f"c{n % 12}") for n in range(40)]
    rows = cloud._rows(points)
    assert len({row["group"] for row in rows}) == 10
    assert {row["category"] for row in rows if row["group"] == "others"} == {"c9", "c10", "c11"}


def test_marked_words_are_escaped_and_may_overlap() -> None:
    found = weighed.marked("a <b> c", [{"start": 2, "end": 5, "weight": 1}, {"start": 3, "end": 7, "weight": -1}])
    assert found == 'a <mark class="for">&lt;b&gt;</mark><mark class="against"> c</mark>'


def test_a_history_says_what_had_been_in_view() -> None:
    said = {"category": "Login", "confidence": 0.5, "model_version": 3}
    old = {
        "id": "1",
        "created_at": "2026-11-26T10:00:00Z",
        "reviewer": "rita",
        "action": "correct",
        "categories": ["Billing"],
        "said": said,
        "blind": True,
        "reason": "audit",
        "seconds": 1.0,
        "note": None,
    }
    row = history._row(old)
    assert (row["In view"], row["The machine had said"]) == ("no", "Login (50 %, version 3)")
    assert history._row({**old, "blind": False})["In view"] == "yes"
    assert history._row({**old, "said": None, "reason": None})["Asked as"] == "looked up"
