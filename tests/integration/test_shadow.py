"""A version in shadow answers beside the serving one, is not heard, and harms nothing."""

import pytest
from sqlalchemy import select

from models.bounded import Bounded
from models.errors import Conflict, Missing
from models.runtime import Runtime
from models.steps import serve, shadow
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.shadow import Disagreement
from models.store.tables import PredictionRow, ProjectRow
from models.vocabulary import Promotion
from tests.integration.conftest import TOPICS, Drain
from tests.integration.test_learning import TRUTH, WRONG, Team

ASKED = [NewItem(wording.format(9_000)) for wordings in TOPICS.values() for wording in wordings]


@pytest.fixture
def team(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> Team:
    """Version 1 serves; version 2, which learnt nonsense after it, does not."""
    made = Team(runtime, ann, filled.slug)
    made.set(retrain_every=1_000_000)
    made.answer(40)
    made.train()
    drain()
    made.set(promotion=Promotion.MANUAL)
    for one in made.lease(40):
        made.decide(categories=[WRONG[TRUTH[one.item.text]]], task_id=one.task.id)
    made.train()
    drain()
    assert made.serving() == 1
    return made


def put(team: Team, number: int = 2) -> None:
    with team.runtime.database.transaction() as session:
        shadow.begin(session, team.caller, team.project(session), number)


def ask(team: Team, number: int | None = None) -> serve.Answers:
    return serve.predict(team.runtime, team.caller, team.slug, ASKED, number=number)


def differs(team: Team) -> Disagreement:
    with team.runtime.database.read() as session:
        return shadow.disagreement(team.runtime, session, team.project(session))


def heard(answers: serve.Answers) -> list[tuple[str, float]]:
    return [(one.prediction.category.name, one.prediction.confidence) for one in answers.answers]


def test_the_shadow_is_kept_and_not_heard(team: Team) -> None:
    before, other = heard(ask(team)), heard(ask(team, 2))
    assert differs(team).number is None
    put(team)
    after = ask(team)
    assert after.number == 1
    assert heard(after) == before
    found = differs(team)
    different = [place for place in range(len(ASKED)) if before[place][0] != other[place][0]]
    assert (found.number, found.serving, found.predictions, found.differing) == (2, 1, len(ASKED), len(different))
    assert different
    assert found.low < len(different) / len(ASKED) < max(found.high, 1.01)
    assert sum(one.differing for one in found.by_category) == len(different)
    assert {(one.serving, one.shadow) for one in found.examples} == {
        (before[place][0], other[place][0]) for place in different
    }
    with team.runtime.database.read() as session:
        kept = {row.id: row for row in session.scalars(select(PredictionRow).where(PredictionRow.shadow_number == 2))}
        assert [kept[one.prediction_id].shadow_confidence for one in after.answers] == pytest.approx(
            [confidence for _, confidence in other]
        )


def test_a_version_that_is_asked_by_its_number_is_alone(team: Team) -> None:
    put(team)
    ask(team, 1)
    assert differs(team).predictions == 0


@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_broken_shadow_harms_no_prediction(team: Team, damage: str) -> None:
    put(team)
    version = team.versions()[1]
    path = team.runtime.settings.artifacts / str(version.bundle) / "head.safetensors"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-4] + b"oops")
    team.runtime.heads._kept = Bounded(8)  # as in a process that has not loaded it yet
    answers = ask(team)
    assert answers.number == 1
    assert len(answers.answers) == len(ASKED)
    found = differs(team)
    assert found.predictions == 0
    assert found.trouble is not None


def test_a_shadow_ends_by_hand_or_when_it_serves(team: Team) -> None:
    put(team)
    with team.runtime.database.transaction() as session, pytest.raises(Missing):
        shadow.end(session, team.caller, team.project(session), 1)
    with team.runtime.database.transaction() as session:
        shadow.end(session, team.caller, team.project(session), 2)
    assert differs(team).number is None
    put(team)
    team.promote(2)
    assert differs(team).number is None
    with pytest.raises(Conflict):
        put(team, 2)
    with pytest.raises(Missing):
        put(team, 99)
    put(team, 1)  # the one that served before may stand in its shadow
    assert differs(team).number == 1


def test_a_candidate_that_does_not_serve_stands_in_shadow_where_the_project_says_so(team: Team, drain: Drain) -> None:
    team.set(shadow_candidates=True)
    team.answer(5)
    team.train()
    drain()
    assert team.serving() == 1
    assert differs(team).number == 3
