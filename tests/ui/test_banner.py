"""What fires stands above the pages of those who manage, in words."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from models.steps.alerts import settle
from models.steps.conditions import SEEN_BY_WORKER, Trouble
from models.store.tables import ProjectRow
from models.vocabulary import Alert
from tests.ui.conftest import Stage
from tests.ui.test_pages import signed_in
from ui.banner import sentence
from winnow.schemas_insight import Alert as Told

BROKEN = "version 3 fails its checks"


@pytest.mark.usefixtures("tickets")
def test_it_is_above_the_pages_of_managers_and_of_the_project_that_it_is_about(stage: Stage) -> None:
    with stage.runtime.database.transaction() as session:
        project = session.scalars(select(ProjectRow.id)).one()
        troubles = [
            Trouble(Alert.BUNDLE_BROKEN, BROKEN, f"project:{project}", project),
            Trouble(Alert.JOBS_FAILING, "3 jobs failed", "job:embed"),
        ]
        settle(session, stage.runtime.settings, troubles, SEEN_BY_WORKER)
    shown = signed_in("mary", "views/data.py")
    assert ["Version 3 fails its checks." in one.value for one in shown.error] == [True]
    assert any("3 jobs failed" in one.value for one in shown.warning)
    with stage.client() as client:
        client.create_project("Another one", categories=["A", "B"])
    shown = shown.run()
    shown = shown.sidebar.selectbox[0].set_value("another-one").run()
    assert not shown.error
    assert any("3 jobs failed" in one.value for one in shown.warning)
    shown = signed_in("rita", "views/explore.py")
    assert not shown.error
    assert not shown.warning


def test_a_sentence_says_what_since_when_and_what_to_do() -> None:
    since = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
    told = Told(name="queue-starved", summary="7 items are undecided", since=since, runbook="QueueStarved.md")
    assert sentence(told) == (
        "**Queue starved.** 7 items are undecided. Since 26 November, 14:30 UTC. What to do: runbooks/QueueStarved.md"
    )
