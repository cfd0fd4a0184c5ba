"""The manager's and the administrator's pages, run by Streamlit's own test runner against the real API."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from models.settings import Settings
from models.store.tables import DecisionRow
from models.store.types import utc_now
from tests.ui.conftest import PASSWORD, Stage
from tests.ui.test_pages import PATIENCE, press, signed_in, words
from tests.unit.winnow_client.conftest import Answer, LoopbackServer
from ui import measures
from ui.components import charts, tables
from winnow import Client, Unauthenticated
from winnow.schemas_accountability import Checked
from winnow.schemas_insight import HonestAccuracy

pytestmark = pytest.mark.usefixtures("stage")
TRUTH = {"I": "Billing", "e": "Login", "p": "Shipping"}


def decide(client: Client, slug: str, count: int) -> None:
    """Answers cards from the truth, blind checks among them."""
    for task in client.lease(slug, count):
        client.decide(slug, action="correct", task_id=task.task_id, categories=[TRUTH[task.item.text[0]]])


@pytest.fixture
def trained(stage: Stage, tickets: str) -> str:
    """Two versions, and blind checks that measured the answers of the first."""
    with stage.client() as client:
        # At the usual rate, chance may keep hardly any of sixty items for blind checks.
        client.update_project(tickets, settings={"audit_rate": 0.4})
        for _ in range(2):
            decide(client, tickets, 20)
            stage.drain()
        assert [one.version for one in client.versions(tickets)] == [2, 1]
        with stage.runtime.database.transaction() as session:  # all on one day, whenever this runs
            session.execute(update(DecisionRow).values(created_at=utc_now() - timedelta(days=1)))
        assert client.accuracy(tickets)
    return tickets


def charted(shown: AppTest) -> list[bytes]:
    """What each chart was given to draw."""
    charts = [chart.proto for chart in shown.get("vega_lite_chart")]
    return [b"".join(part.data.data for part in chart.datasets) for chart in charts]


def clicked(shown: AppTest, key: str) -> AppTest:
    return next(button for button in shown.button if button.key == key).click().run()


def field(shown: AppTest, kind: str, label: str) -> Any:
    return next(one for one in getattr(shown, kind) if one.label == label)


def test_trends_show_what_the_api_measured(stage: Stage, trained: str) -> None:
    shown = signed_in("mary", "views/trends.py")
    assert not shown.exception
    with stage.client() as client:
        measured, versions = client.accuracy(trained), client.versions(trained)
        ahead = client.forecast(trained)
    by_day, by_version = (table.value for table in shown.dataframe[:2])
    assert list(by_day["blind_checks"]) == [one.audited for one in measured]
    assert list(by_day["high"]) == [one.high for one in measured]
    assert set(by_version["version"]) <= {one.version for one in versions}
    assert len(by_version) > 0
    assert words(shown).count("Measured on the") == 3
    assert len(charted(shown)) == (3 if ahead.items else 2), "one day alone is a figure, not a chart"
    assert "What more decisions would bring" in words(shown)
    assert ahead.advice.rstrip(".").replace("blind audit", "blind check") in words(shown)
    assert sum(b"target 95 %" in drawn for drawn in charted(shown)) == (2 if ahead.items else 1)


def test_blind_checks_that_nobody_answered_stand_where_the_accuracy_does(stage: Stage, trained: str) -> None:
    with stage.client() as client:
        assert "got no answer" not in words(signed_in("mary"))
        checks = [task for task in client.lease(trained, 20) if task.reason == "audit"]
        assert len(checks) > 1
        for task, action in zip(checks, ("skip", "flag"), strict=False):
            client.decide(trained, action=action, task_id=task.task_id)
        with stage.runtime.database.transaction() as session:
            session.execute(update(DecisionRow).values(created_at=utc_now() - timedelta(days=1)))
        told = client.stats(trained).accuracy
        assert told is not None
        assert told.unanswered is not None
        assert told.at_worst is not None
        assert (told.unanswered.skipped, told.unanswered.flagged, told.unanswered.passed_over) == (1, 1, 2)
        assert told.at_worst.low < told.low
        assert [one.passed_over for one in client.accuracy(trained)] == [2]
        assert "2 more blind checks got no answer (1 skipped, 1 flagged)." in words(signed_in("mary"))
        assert "2 blind checks of this time ended without an answer" in words(signed_in("mary", "views/trends.py"))
        client.train(trained)
        stage.drain()
        newest = client.versions(trained)[0].metrics
        assert newest is not None
        assert newest.passed_over == 2
        assert "; 2 more got no answer" in words(signed_in("mary", "views/versions.py"))


@pytest.mark.usefixtures("tickets")
def test_trends_without_blind_checks_say_what_is_missing() -> None:
    shown = signed_in("mary", "views/trends.py")
    assert not shown.exception
    assert "No blind check has been answered" in shown.info[0].value
    assert charted(shown) == []


def test_a_day_with_few_blind_checks_shows_only_its_interval() -> None:
    few = HonestAccuracy(accuracy=1.0, low=0.4, high=1.0, audited=3, model_version=1)
    many = HonestAccuracy(accuracy=0.9, low=0.8, high=0.95, audited=90, model_version=2)
    rows = charts.days([few, many])
    assert [row["accuracy"] for row in rows] == [None, 0.9]
    assert tables.as_csv(rows).splitlines()[1] == ",1,,0.4,1.0,3,0"


def test_several_days_are_a_chart_with_every_promotion_marked() -> None:
    shown = AppTest.from_function(_three_days, default_timeout=PATIENCE).run()
    assert not shown.exception
    (drawn,) = charted(shown)
    assert drawn.count(b"version 1") == drawn.count(b"version 2") == 1
    assert b"target 90 %" in drawn


def _three_days() -> None:
    from datetime import UTC, datetime

    from ui.components import charts
    from winnow.schemas_insight import HonestAccuracy

    measured = [
        HonestAccuracy(
            at=datetime(2026, 11, day, tzinfo=UTC), accuracy=0.9, low=0.8, high=0.95, audited=90, model_version=number
        )
        for day, number in ((20, 1), (21, 1), (22, 2))
    ]
    charts.over_time(charts.days(measured), 0.9)


def test_two_versions_are_compared_in_words_and_items(stage: Stage, trained: str) -> None:
    shown = press(signed_in("mary", "views/versions.py"), "Compare")
    assert not shown.exception
    with stage.client() as client:
        found = client.compare(trained, 1, 2)
    text = words(shown)
    assert f"**{found.changed} item" in text
    assert f"of {found.pool} would get another answer" in text
    assert "blind check" in text


def test_details_show_the_mistakes_of_a_version(stage: Stage, trained: str) -> None:
    with stage.client() as client:
        detail = client.version(trained, 2)
    assert detail.confusion
    shown = clicked(signed_in("mary", "views/versions.py"), "details-2")
    assert not shown.exception
    assert list(shown.dataframe[0].value["Category"]) == [one["category"] for one in detail.per_category]
    assert "in truth" in words(shown)


def test_before_a_promotion_the_changing_items_are_shown(stage: Stage, trained: str) -> None:
    with stage.client() as client:
        other = 3 - (client.stats(trained).serving_model or 0)
    shown = clicked(signed_in("mary", "views/versions.py"), f"promote-{other}")
    assert "would get another answer" in words(shown)
    clicked(shown, "promote-yes")
    with stage.client() as client:
        assert client.stats(trained).serving_model == other


def test_data_lists_imports_and_gives_their_rejected_rows(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        client.import_file(tickets, b"id,text\n1,The printer is jammed\n2,Caf\xe9 closed\n", filename="new.csv")
        stage.drain()
    shown = signed_in("mary", "views/data.py")
    assert not shown.exception
    row = shown.dataframe[0].value.iloc[0]
    assert (row["File"], row["Read"], row["Added"], row["Set aside"]) == ("new.csv", 2, 1, 1)
    assert field(shown, "selectbox", "Rows that were set aside").options == ["new.csv: 1 row"]
    assert [one.proto.label for one in shown.get("download_button")] == ["Download", "Rejected rows"]


@pytest.mark.parametrize("name", ["CSV", "JSON Lines", "Parquet", "Label Studio", "Prodigy", "fastText"])
def test_every_format_can_be_exported(stage: Stage, tickets: str, name: str) -> None:
    shown = signed_in("mary", "views/data.py")
    field(shown, "selectbox", "Format").set_value(name).run()
    assert not shown.exception
    wanted = {"CSV": "csv", "JSON Lines": "jsonl"}.get(name, name.lower().replace(" ", "-"))
    with stage.client() as client:
        assert len(b"".join(client.export(tickets, wanted))) > 0 or wanted == "fasttext"


class TestWebhooks:
    """With a receiver on this machine."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"webhook_allow_private": True, "webhook_timeout_seconds": 60})

    def test_a_webhook_is_made_tested_followed_and_deleted(self, stage: Stage, tickets: str) -> None:
        receiver = LoopbackServer()
        receiver.behaviour = lambda _asked: Answer({})
        shown = signed_in("mary", "views/data.py")
        field(shown, "text_input", "Address").set_value(f"{receiver.url}/hook")
        press(shown, "Create webhook")
        assert shown.code[0].value.startswith("whsec_")
        press(shown, "I have kept it")
        assert not shown.code
        press(shown, "Test")
        stage.drain()
        shown.run()
        log = shown.dataframe[-1].value
        assert list(log["Event"]) == ["webhook.test"]
        assert list(log["Status"]) == ["delivered"]
        assert len(receiver.asked) == 1
        press(shown, "Switch off")
        assert "Switched off" in words(shown)
        press(shown, "Delete")
        with stage.client() as client:
            assert client.webhooks(tickets) == []
        receiver.close()


def test_a_webhook_without_an_address_is_said(tickets: str) -> None:
    assert tickets
    shown = press(signed_in("mary", "views/data.py"), "Create webhook")
    assert [one.value for one in shown.error] == ["Give an address and at least one event."]


def test_people_are_added_changed_and_switched_off(stage: Stage) -> None:
    shown = signed_in("ada", "views/people.py")
    field(shown, "text_input", "Name").set_value("nora")
    field(shown, "text_input", "First password").set_value(PASSWORD)
    press(shown, "Add person")
    with stage.client("nora") as nora:
        assert nora.me().role == "reviewer"
    with stage.client("ada") as client:
        nora_id = next(one.id for one in client.users() if one.username == "nora")
        shown.selectbox(key=f"role-{nora_id}").set_value("manager").run()
        assert not shown.exception
        assert next(one.role for one in client.users() if one.id == nora_id) == "manager"
        shown.text_input(key=f"new-name-{nora_id}").set_value("eleonora")
        next(one for one in shown.button if one.form_id == f"name-{nora_id}").click().run()
        assert client.user(nora_id).username == "eleonora"
        clicked(shown, f"active-{nora_id}")
    with pytest.raises(Unauthenticated), stage.client("eleonora") as nora:
        nora.me()


def test_nobody_changes_their_own_role(stage: Stage) -> None:
    with stage.client("ada") as client:
        own = client.me().id
    shown = signed_in("ada", "views/people.py")
    assert shown.selectbox(key=f"role-{own}").disabled
    assert f"active-{own}" not in [button.key for button in shown.button]


def test_a_name_that_is_taken_is_said_and_the_page_stays() -> None:
    shown = signed_in("ada", "views/people.py")
    field(shown, "text_input", "Name").set_value("rita")
    field(shown, "text_input", "First password").set_value(PASSWORD)
    press(shown, "Add person")
    assert shown.error
    assert [one.value for one in shown.subheader] == ["People", "API keys", "Limits", "Audit log"]


def test_a_key_is_shown_once_works_and_is_revoked(stage: Stage) -> None:
    shown = signed_in("ada", "views/people.py")
    field(shown, "text_input", "What it is for").set_value("helpdesk")
    field(shown, "selectbox", "Ends").set_value("After 30 days")
    press(shown, "Create key")
    secret = shown.code[0].value
    with Client(stage.url, api_key=secret, retries=0) as program:
        assert program.me().role == "program"
    press(shown, "I have kept it")
    assert not shown.code
    assert "helpdesk" in words(shown)
    assert "ends never" not in words(shown)
    press(shown, "Revoke this key")
    with Client(stage.url, api_key=secret, retries=0) as program, pytest.raises(Unauthenticated):
        program.me()


@pytest.mark.parametrize("page", ["views/data.py", "views/trends.py", "views/people.py"])
def test_pages_are_kept_from_those_who_may_not(page: str) -> None:
    with pytest.raises(ValueError, match="not"):
        signed_in("rita", page)


def test_a_manager_does_not_look_after_people() -> None:
    with pytest.raises(ValueError, match="not"):
        signed_in("mary", "views/people.py")


def test_the_overview_shows_the_work_and_what_it_assumes(stage: Stage, trained: str) -> None:
    shown = signed_in("mary")
    assert not shown.exception
    said = words(shown)
    with stage.client() as client:
        done = client.throughput(trained)
    total = sum(one.decisions for one in done.days)
    assert f"{total} decisions by 1 reviewer in 30 days" in said
    assert "No decision has been timed yet." in said
    assert "What lies ahead" in said
    assert "Agreement" in said
    with stage.client() as client:
        task = client.lease(trained, 1)[0]
        client.decide(trained, action="correct", task_id=task.task_id, categories=["Billing"], seconds=4)
    assert "Assumes that each would take a reviewer 4.0 s" in words(signed_in("mary"))
    assert "Work by day" not in words(signed_in("rita")), "a reviewer's overview keeps to the project"


def test_calibration_and_categories_are_counted_on_the_same_blind_checks() -> None:
    made = [
        Checked(item_id=str(n), truth=["A"], answered=["A" if n < 8 else "B"], confidence=0.9 if n < 5 else 0.55)
        for n in range(10)
    ]
    low, high = measures.bins(made)
    assert (low["from"], low["blind_checks"], low["right"]) == (0.4, 5, 0.6)
    assert (high["from"], high["blind_checks"], high["right"]) == (0.8, 5, 1.0)
    assert low["low"] < 0.6 < low["high"]
    assert measures.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    by_name = {row["Category"]: row for row in measures.by_category(made)}
    assert (by_name["A"]["Found"], by_name["A"]["Right"]) == (0.8, 1.0)
    assert (by_name["B"]["Found"], by_name["B"]["Right"]) == (None, 0.0)
    assert measures.bins([]) == []


def test_a_point_stands_at_the_end_of_its_day_or_week() -> None:
    noon, midnight = datetime(2026, 11, 26, 12, tzinfo=UTC), datetime(2026, 11, 27, tzinfo=UTC)
    assert measures.begin(noon, "day") == measures.begin(midnight, "day") == datetime(2026, 11, 26, tzinfo=UTC)
    assert measures.begin(midnight, "week") == datetime(2026, 11, 23, tzinfo=UTC)


def test_the_items_behind_a_day_and_behind_a_cell_are_opened(stage: Stage, trained: str) -> None:
    with stage.client() as client:
        audits = [one for one in client.decisions(trained, reason="audit") if one.said]
        checked = client.audited(trained, 2)
    shown = signed_in("mary", "views/trends.py")
    assert not shown.exception
    assert sum("version" in str(one.value) and "had said" in str(one.value) for one in shown.markdown) == len(audits)
    shown = signed_in("mary", "views/versions.py")
    clicked(shown, "details-2")
    assert not shown.exception
    assert "Where it comes from" in words(shown)
    if checked:
        field(shown, "selectbox", "Items behind it (in truth → answered)").set_value("All").run()
        assert not shown.exception


def test_an_item_is_erased_on_request_and_the_proof_is_listed(stage: Stage, tickets: str) -> None:
    with stage.client() as client:
        item = next(iter(client.items(tickets, q="charged")))
    shown = signed_in("mary", "views/data.py")
    assert "Nothing has been erased" in words(shown)
    field(shown, "text_input", "Item number").set_value(item.id).run()
    press(shown, "Erase …")
    assert item.text in words(shown)
    clicked(shown, "erase-yes")
    assert not shown.exception
    with stage.client() as client:
        [proof] = client.erasures(tickets)
        assert (proof.item_id, proof.erased_by, set(proof.left.values())) == (item.id, "mary", {0})
    assert "Erased so far" in words(signed_in("mary", "views/data.py"))


def test_how_long_things_are_kept_is_set_and_erasing_needs_a_yes(stage: Stage, tickets: str) -> None:
    shown = signed_in("mary", "views/data.py")
    shown.number_input(key=f"keep-answers-{tickets}").set_value(7).run()
    press(shown, "Keep it so")
    assert [one.value for one in shown.success] == ["It holds from the next hour on."]
    shown.number_input(key=f"keep-items-{tickets}").set_value(365).run()
    assert next(one for one in shown.button if one.label == "Keep it so").disabled
    shown.checkbox(key=f"keep-sure-{tickets}").check().run()
    press(shown, "Keep it so")
    with stage.client() as client:
        kept = client.project(tickets).settings
    assert (kept["item_days"], kept["prediction_days"]) == (365, 7)


def test_an_administrator_sees_the_limits_and_who_is_near_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle._window", lambda _now, _seconds: (1, 60))  # no minute ends meanwhile
    with stage.client("rita") as rita:
        rita.projects()
    shown = signed_in("ada", "views/people.py")
    assert not shown.exception
    assert {"Reading", "Items sent"} <= {name for table in shown.table for name in table.value.index}
    used = next(table.value for table in shown.dataframe if "Nearest limit used" in table.value.columns)
    assert {"rita", "ada"} <= set(used["Who"])
    assert set(used["Kind"]) == {"person"}


def test_an_administrator_reads_the_audit_log(stage: Stage, tickets: str) -> None:
    assert stage
    shown = signed_in("ada", "views/people.py")
    assert not shown.exception
    log = next(table.value for table in shown.dataframe if "To what" in table.value.columns)
    assert {"user.created", "project.create"} <= set(log["What"])
    field(shown, "text_input", "To what").set_value(tickets).run()
    log = next(table.value for table in shown.dataframe if "To what" in table.value.columns)
    assert set(log["What"]) <= {"project.create", "category.create"}
    field(shown, "text_input", "To what").set_value("nothing of the kind").run()
    assert "Nothing of the kind is in the log." in words(shown)
