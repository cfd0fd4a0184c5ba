"""The page Categories: what each is, and changing it with a look ahead, against the real API."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import Stage
from tests.ui.test_pages import press, signed_in, words

pytestmark = pytest.mark.usefixtures("stage")
TRUTH = {"I": "Billing", "e": "Login", "p": "Shipping"}


@pytest.fixture
def decided(stage: Stage, tickets: str) -> str:
    """The project with every item decided, one of them once more, with a note."""
    with stage.client() as client:
        items = list(client.items(tickets, limit=100))
        for item in items:
            client.decide(tickets, item_id=item.id, action="correct", categories=[TRUTH[item.text[0]]])
        odd = next(item for item in items if item.text[0] == "e")
        client.decide(tickets, item_id=odd.id, action="correct", categories=["Shipping"], note="the courier's portal")
    stage.drain()
    return tickets


def field(shown: AppTest, kind: str, label: str) -> object:
    return next(one for one in getattr(shown, kind) if one.label == label)


def opened(username: str, category_id: str) -> AppTest:
    shown = signed_in(username)
    shown.query_params["category"] = category_id
    shown.switch_page("views/categories.py").run()
    assert not shown.exception
    return shown


def test_the_guideline_is_there_for_reviewers_at_its_address(stage: Stage, decided: str) -> None:
    with stage.client() as client:
        login = next(one for one in client.categories(decided) if one.name == "Login")
        shown = opened("rita", login.id)
        assert "passwords and signing in" in words(shown)
        assert "19 items decided" in words(shown)
        assert "when I sign in" in words(shown)
        assert "It is **Shipping**" in words(shown)
        assert "“the courier's portal”" in words(shown)
        assert "Change it" not in words(shown)


def test_what_programs_and_people_wrote_fetches_no_picture(stage: Stage, tickets: str) -> None:
    picture = "![x](https://elsewhere.example/x.png)"
    with stage.client() as client:
        login = next(one for one in client.categories(tickets) if one.name == "Login")
        client.feedback(tickets, text=f"{picture} cannot sign in", category="Login", note=picture)
        stage.drain()
        shown = words(opened("rita", login.id))
        assert "elsewhere.example" in shown
        assert not [one for one in opened("rita", login.id).caption if picture in one.value]
        assert not [one for one in opened("rita", login.id).markdown if picture in one.value]


def test_a_merger_is_looked_at_made_and_taken_back(stage: Stage, decided: str) -> None:
    with stage.client() as client:
        ids = {one.name: one.id for one in client.categories(decided)}
        shown = opened("mary", ids["Login"])
        field(shown, "selectbox", "What to do").set_value("Merge").run()
        field(shown, "selectbox", "Into").set_value(ids["Billing"]).run()
        assert not shown.exception
        assert "19 decisions for Login count for Billing, which has 20 of its own." in words(shown)
        assert client.stats(decided).decisions.by_category["Login"] == 19
        press(shown, "Merge Login")
        assert not shown.exception
        assert client.stats(decided).decisions.by_category == {"Billing": 39, "Shipping": 21}
        assert "merged into Billing" in words(shown)
        press(shown, "Undo")
        assert client.stats(decided).decisions.by_category == {"Billing": 20, "Login": 19, "Shipping": 21}
        assert "Taken back by mary." in words(shown)


def test_a_category_is_renamed_moved_and_archived(stage: Stage, decided: str) -> None:
    with stage.client() as client:
        ids = {one.name: one.id for one in client.categories(decided)}
        shown = opened("mary", ids["Login"])
        assert "Nothing differs yet." in words(shown)
        field(shown, "text_input", "Name").set_value("Access").run()
        assert "Login is called Access from now on" in words(shown)
        press(shown, "Save")
        field(shown, "selectbox", "What to do").set_value("Move").run()
        field(shown, "selectbox", "Where it stands").set_value(ids["Billing"]).run()
        press(shown, "Move Access")
        assert "Billing / Access" in words(shown)
        field(shown, "selectbox", "What to do").set_value("Archive").run()
        assert "Nobody can choose Access any more" in words(shown)
        press(shown, "Archive Access")
        assert not shown.exception
        found = next(one for one in client.categories(decided) if one.id == ids["Login"])
        assert (found.name, found.parent_id, found.archived) == ("Access", ids["Billing"], True)
        assert [one.kind for one in client.category_changes(decided)] == ["edit"] * 3
