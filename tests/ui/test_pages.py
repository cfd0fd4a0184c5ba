"""The pages, run by Streamlit's own test runner against the real API. Fragments run once; there is no browser here."""

import io
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.conftest import CATEGORIES, PASSWORD, Stage
from ui.session import current

pytestmark = pytest.mark.usefixtures("stage")
APP = Path(__file__).resolve().parents[2] / "ui" / "app.py"
PATIENCE = 240
"""Seconds: what a page may take on a machine that has other things to do."""


def words(shown: Any) -> str:
    """Everything on the page that is text."""
    kinds = (
        shown.title,
        shown.subheader,
        shown.markdown,
        shown.caption,
        shown.info,
        shown.error,
        shown.warning,
        shown.text,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind) + "\n".join(
        unescape(str(element.proto.body)) for element in shown.get("html")
    )


def signed_in(username: str = "mary", page: str | None = None) -> AppTest:
    shown = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    shown.text_input[0].set_value(username)
    shown.text_input[1].set_value(PASSWORD)
    shown.button[0].click().run()
    assert not shown.exception
    return shown.switch_page(page).run() if page else shown


def press(shown: AppTest, label: str) -> AppTest:
    return next(button for button in shown.button if button.label == label).click().run()


def test_a_wrong_password_is_said_and_nothing_is_shown() -> None:
    shown = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert [one.value for one in shown.title] == ["Sign in"]
    shown.text_input[0].set_value("mary")
    shown.text_input[1].set_value("not it")
    shown.button[0].click().run()
    assert [one.value for one in shown.error] == ["Name or password is wrong."]
    assert not shown.sidebar.button


def test_empty_fields_are_said() -> None:
    shown = AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    shown.button[0].click().run()
    assert "both" in shown.error[0].value


def test_the_browser_is_asked_for_its_sign_in_only_once_it_knows_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its answer, when it comes quickly, asks for the first page, and a link would lead to the overview."""
    known = []
    monkeypatch.setattr("ui.components.keep.ask", lambda: known.append(current().wanted))
    AppTest.from_file(str(APP), default_timeout=PATIENCE).run()
    assert known == [""], "the address of the overview"


def test_without_a_project_the_overview_leads_to_making_one() -> None:
    assert "Welcome to Winnow" in words(signed_in())


def test_the_overview_tells_where_the_project_stands(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        for task in client.lease(tickets, 3):
            client.decide(tickets, action="correct", task_id=task.task_id, categories=["Billing"])
    text = words(signed_in())
    assert "Support tickets" in text
    assert "of 60 decided" in text
    assert "Billing" in text
    assert "The next version trains after 7 more decisions." in text


def test_the_overview_says_why_the_last_training_made_no_version(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        for task in client.lease(tickets, 14):
            client.decide(tickets, action="correct", task_id=task.task_id, categories=["Billing"])
        stage.drain()
        assert client.stats(tickets).training.held_up_by
    text = words(signed_in())
    assert "The last training made no version: there are" in text
    assert "(blind checks do not count)." in text
    assert "audit" not in text


@pytest.mark.usefixtures("tickets")
def test_an_outage_is_a_sentence_and_not_a_trace(stage: Stage) -> None:
    shown = signed_in()
    stage.stop()
    shown.run()
    assert not shown.exception
    assert "The server does not answer" in shown.error[0].value


@pytest.mark.usefixtures("tickets")
def test_an_ended_sign_in_leads_back_to_the_form() -> None:
    shown = signed_in()
    session = shown.session_state["winnow"]
    session.api.sign_out()
    shown.run()
    assert not shown.exception
    assert [one.value for one in shown.title] == ["Sign in"]
    assert "ended" in shown.warning[0].value


@pytest.mark.usefixtures("tickets")
def test_signing_out_forgets_the_person() -> None:
    shown = press(signed_in(), "Sign out")
    assert [one.value for one in shown.title] == ["Sign in"]
    assert shown.session_state["winnow"].client is None


@pytest.mark.parametrize("page", ["views/load.py", "views/versions.py"])
@pytest.mark.usefixtures("tickets")
def test_a_reviewer_does_not_get_the_managers_pages(page: str) -> None:
    assert signed_in("mary", page).title
    with pytest.raises(ValueError, match="not"):
        signed_in("rita", page)


def test_review_holds_no_cards_until_the_browser_asks(stage: Stage, tickets: str) -> None:
    shown = signed_in("rita", "views/review.py")
    assert not shown.exception
    assert "Answers come from the categories' names and descriptions." in words(shown)
    with stage.client() as client:
        assert client.stats(tickets).queue.leased == 0


def test_leaving_review_gives_the_cards_back(stage: Stage, tickets: str) -> None:
    shown = signed_in("rita", "views/review.py")
    session = shown.session_state["winnow"]
    session.desks[tickets].serve(session.api, {"entries": [], "want": {"id": "w", "count": 10}})
    with stage.client() as client:
        assert client.stats(tickets).queue.leased == 10
        shown.switch_page("views/overview.py").run()
        assert client.stats(tickets).queue.leased == 0


def test_versions_can_be_promoted_and_rolled_back(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        for task in client.lease(tickets, 30):
            name = {"I": "Billing", "e": "Login", "p": "Shipping"}[task.item.text[0]]
            client.decide(tickets, action="correct", task_id=task.task_id, categories=[name])
        stage.drain()
        assert client.stats(tickets).serving_model == 1

        shown = signed_in("mary", "views/versions.py")
        assert "**Version 1**" in words(shown)
        learnt = client.version(tickets, 1).trained_on
        assert f"{learnt.decisions} decisions, {learnt.categories} categories" in words(shown)

        press(shown, "Roll back")
        next(button for button in shown.button if button.key == "roll-back-yes").click().run()
        assert not shown.exception
        assert client.stats(tickets).serving_model == 0

        press(shown, "Promote")
        next(button for button in shown.button if button.key == "promote-yes").click().run()
        assert not shown.exception
        assert client.stats(tickets).serving_model == 1


@pytest.mark.usefixtures("tickets")
def test_training_with_too_little_says_why() -> None:
    shown = press(signed_in("mary", "views/versions.py"), "Train now")
    assert not shown.exception
    assert shown.error


@pytest.mark.usefixtures("tickets")
def test_explore_filters_by_words() -> None:
    shown = signed_in("rita", "views/explore.py")
    assert len(shown.dataframe[0].value) == 50
    shown.text_input[0].set_value("parcel").run()
    texts = list(shown.dataframe[0].value["Text"])
    assert len(texts) == 20
    assert all("parcel" in text for text in texts)
    shown.text_input[0].set_value("zebra").run()
    assert "Nothing matches" in shown.info[0].value


@pytest.mark.usefixtures("tickets")
def test_explore_turns_pages() -> None:
    shown = signed_in("rita", "views/explore.py")
    first = set(shown.dataframe[0].value["Text"])
    second = set(press(shown, "Next").dataframe[0].value["Text"])
    assert len(second) == 10
    assert not first & second
    assert set(press(shown, "Back").dataframe[0].value["Text"]) == first


def test_a_file_is_previewed_imported_and_its_bad_row_set_aside(stage: Stage, tickets: str) -> None:
    shown = signed_in("mary", "views/load.py")
    content = b"id,message,team\n1,The printer is jammed,a\n2,Caf\xe9 closed,b\n3,Where is my parcel,c\n"
    shown.file_uploader[0].upload("new.csv", content, "text/csv").run()
    assert not shown.exception
    assert list(shown.dataframe[0].value["message"]) == ["The printer is jammed", "Where is my parcel"]
    assert "Line 3" in shown.warning[0].value
    assert shown.multiselect[0].value == ["message"]
    press(shown, "Import this file")
    stage.drain()
    shown.run()
    assert "3 rows read · 2 added · 1 set aside" in words(shown)
    with stage.client() as client:
        assert client.stats(tickets).items.total == 62


@pytest.mark.usefixtures("tickets")
def test_before_an_import_its_unknown_labels_are_named_and_a_file_without_rows_is_said() -> None:
    shown = signed_in("mary", "views/load.py")
    shown.file_uploader[0].upload("new.csv", b"text,label\nA parcel,Shipping\nA refund,Biling\n", "text/csv").run()
    assert "become categories of it. In these rows: Biling." in shown.info[0].value
    shown.file_uploader[0].upload("bare.csv", b"text,label\n", "text/csv").run()
    assert "No row follows" in shown.warning[0].value


def test_names_and_fields_are_shown_as_they_were_written(stage: Stage) -> None:
    with stage.client() as client:
        named = [{"name": "Costs *and* $5"}, {"name": "![x](http://a.example/x.png)"}]
        project = client.create_project("Desk *one*", categories=named)
        client.add_items(project.slug, [{"text": "Hello", "fields": {"*field*": "![x](http://a.example/x.png)"}}])
        stage.drain()
        item = next(iter(client.items(project.slug)))
    shown = signed_in()
    assert shown.title[0].value == r"Desk \*one\*"
    shown.query_params["item"] = item.id
    shown.switch_page("views/item.py").run()
    assert not shown.exception
    assert list(shown.table[0].value.index) == [r"\*field\*"]
    assert "![" not in str(shown.table[0].value) + words(shown).replace(item.prediction.category, "")
    shown.switch_page("views/projects.py").run()
    assert r"Costs \*and\* \$5, \!\[x\](http://a.example/x.png)" in words(shown)


def test_a_parquet_file_is_previewed_and_imported(stage: Stage, tickets: str) -> None:
    kept = io.BytesIO()
    pq.write_table(pa.table({"message": ["The printer is jammed", "Where is my parcel"], "page": [1, 2]}), kept)
    shown = signed_in("mary", "views/load.py")
    shown.file_uploader[0].upload("new.parquet", kept.getvalue(), "application/octet-stream").run()
    assert not shown.exception
    assert list(shown.dataframe[0].value["message"]) == ["The printer is jammed", "Where is my parcel"]
    press(shown, "Import this file")
    stage.drain()
    with stage.client() as client:
        assert client.stats(tickets).items.total == 62


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_export_that_comes_in_again_is_known_as_one(stage: Stage, tickets: str, form: str) -> None:
    with stage.client() as client:
        content = b"".join(client.export(tickets, form))
        total = client.stats(tickets).items.total
    shown = signed_in("mary", "views/load.py")
    shown.file_uploader[0].upload(f"back.{form}", content, "application/octet-stream").run()
    assert not shown.exception
    assert "an export of Winnow" in shown.info[0].value
    assert not {"decided_by", "predicted_category", "confidence"} & set(shown.dataframe[0].value)
    assert shown.multiselect[0].value == ["text"]
    assert [one.value for one in shown.selectbox if one.label == "Label"] == ["category"]
    press(shown, "Import this file")
    stage.drain()
    shown.run()
    assert f"{total} rows read · 0 added · {total} already there" in words(shown)
    assert "does not become fields" in words(shown)


def test_a_project_needs_a_name_and_two_categories() -> None:
    shown = press(signed_in("mary", "views/projects.py"), "Create project")
    assert "at least two categories" in shown.error[0].value


def test_a_project_is_made_with_its_categories(stage: Stage) -> None:
    shown = signed_in("mary", "views/projects.py")
    next(field for field in shown.text_input if field.label == "Name").set_value("Bug reports")
    shown.text_area[0].set_value("Crash: it ends: by itself\n\n  Typo  \nSlow: takes long")
    press(shown, "Create project")
    assert not shown.exception
    with stage.client() as client:
        made = client.project("bug-reports")
    assert [(one.name, one.description) for one in made.categories] == [
        ("Crash", "it ends: by itself"),
        ("Typo", ""),
        ("Slow", "takes long"),
    ]
    assert made.settings["retrain_every"] == 20
    assert made.settings["promotion"] == "automatic"


def test_the_settings_of_a_project_are_changed_where_they_are_shown(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        client.update_project(tickets, settings={"target_accuracy": 0.999})
    shown = signed_in("mary", "views/projects.py")
    shown.number_input(key=f"every-{tickets}").set_value(50)
    shown.checkbox(key=f"by-hand-{tickets}").check()
    press(shown, "Save settings")
    assert [one.value for one in shown.success] == ["The settings are saved."]
    with stage.client() as client:
        kept = client.project(tickets).settings
    assert (kept["retrain_every"], kept["promotion"]) == (50, "manual")
    assert kept["target_accuracy"] == 0.999, "what nobody touched stays, also where the field cannot show it"


def test_a_category_can_be_added(stage: Stage, tickets: str) -> None:
    shown = signed_in("mary", "views/projects.py")
    added = {field.label: field for field in shown.text_input}
    added["New category"].set_value("Praise")
    added["What belongs there"].set_value("thanks and compliments")
    press(shown, "Add")
    with stage.client() as client:
        assert "Praise" in [one.name for one in client.categories(tickets)]


def test_a_link_leads_to_its_project(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        client.create_project("Another", categories=CATEGORIES)
    shown = AppTest.from_file(str(APP), default_timeout=PATIENCE)
    shown.query_params["project"] = tickets
    shown.run()
    shown.text_input[0].set_value("mary")
    shown.text_input[1].set_value(PASSWORD)
    shown.button[0].click().run()
    assert shown.title[0].value == "Support tickets"
