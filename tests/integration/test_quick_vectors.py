"""A large import is usable on quick vectors at once; the full ones follow, and take over by themselves."""

import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import func, select

from models import jobs
from models.errors import NoVersion, Unavailable
from models.learn.encoders import Encoder
from models.learn.static_encoder import static_id
from models.prepare import _adopt_encoder
from models.runtime import Runtime
from models.settings import Settings
from models.steps import browse, comparison, embed_quick, forecast, monitor, reproduce, serve
from models.steps.accounts import Caller
from models.steps.browse import Wanted
from models.steps.ingest import erase_item
from models.steps.items import NewItem
from models.steps.score import pool_of, scored
from models.store.session import Database
from models.store.tables import EncoderRow, ItemRow, JobRow, ProjectRow, VectorRow, VersionRow
from models.vocabulary import Job
from tests.integration.conftest import Drain, put, texts
from tests.integration.crashes import Crash
from tests.integration.test_learning import TRUTH, Team, perform_kind
from worker.categorize.recipe import Answerer, recipe_of
from worker.entry import perform

ITEMS, MOST, QUICK_BLOCK, FULL_BLOCK = 80, 30, 30, 20
ASKED = [NewItem("I was charged twice for order 9000"), NewItem("parcel 9000 has not arrived yet")]


class Words:
    """A quick encoder: a text's vector is the sum of its words', which are drawn at random once."""

    dimensions = 48

    def __init__(self, of: str) -> None:
        self.id = static_id(of)
        self.calls = 0
        table = np.random.default_rng(3).standard_normal((997, self.dimensions), np.float32)
        self._table = table / np.linalg.norm(table, axis=1, keepdims=True)

    def encode(self, wanted: Sequence[str]) -> np.ndarray:
        self.calls += 1
        sums = [self._table[[zlib.crc32(word.encode()) % 997 for word in text.split()]].sum(axis=0) for text in wanted]
        vectors = np.reshape(np.asarray(sums, np.float32), (len(wanted), self.dimensions))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def quick(encoder: Encoder) -> Words:
    return Words(encoder.id)


@pytest.fixture
def runtime(
    settings: Settings, database: Database, encoder: Encoder, quick: Words, monkeypatch: pytest.MonkeyPatch
) -> Runtime:
    """One that begins with quick vectors where more than thirty items wait."""
    monkeypatch.setattr("models.steps.embed_quick.BLOCK_ITEMS", QUICK_BLOCK)
    monkeypatch.setattr("models.steps.embed.BLOCK_TEXTS", FULL_BLOCK)
    return Runtime(settings.model_copy(update={"quick_vectors": MOST}), database, encoder, quick=quick)


@pytest.fixture
def team(runtime: Runtime, ann: Caller, project: ProjectRow) -> Team:
    made = Team(runtime, ann, project.slug)
    made.set(retrain_every=1_000_000)
    return made


def bring(team: Team, count: int = ITEMS, begin: int = 0) -> None:
    with team.runtime.database.read() as session:
        project = team.project(session)
    put(team.runtime, team.caller, project, [NewItem(text) for text, _ in texts(begin + count)[begin:]])


def turn(team: Team, *kinds: Job) -> None:
    """Let a worker have one turn at each kind of job."""
    for kind in kinds:
        perform_kind(team.runtime, kind)


def vectors(team: Team) -> dict[str, list[int]]:
    """The items that have vectors, by encoder, in the order of their positions, which have no gaps."""
    found: dict[str, list[int]] = {}
    with team.runtime.database.read() as session:
        rows = session.execute(
            select(EncoderRow.name, VectorRow.position, VectorRow.item_id)
            .join(EncoderRow, EncoderRow.id == VectorRow.encoder_id)
            .order_by(EncoderRow.name, VectorRow.position)
        )
        for name, position, item_id in rows:
            assert position == len(found.setdefault(name, []))
            found[name].append(item_id)
    return found


def waits(team: Team) -> bool:
    """Whether the project works with quick vectors until the full ones are complete."""
    with team.runtime.database.read() as session:
        told = monitor.stats(team.runtime, session, team.project(session))["items"]
        assert told["quick"] == (team.project(session).quick_encoder_id is not None)
        return bool(told["quick"])


def pool(team: Team, number: int | None = None) -> tuple[int, int]:
    """How many items there are to be seen, and how many numbers a vector has."""
    with team.runtime.database.read() as session:
        found = pool_of(team.runtime, session, team.project(session), number)
        assert found is not None
        return found.vectors.shape


def like(team: Team, text: str) -> list[browse.Listed]:
    with team.runtime.database.read() as session:
        return browse.browse(team.runtime, session, team.project(session), Wanted(like=text), limit=5)[0]


def predicted(team: Team, number: int | None = None) -> list[tuple[str, float]]:
    answers = serve.predict(team.runtime, team.caller, team.slug, ASKED, number=number).answers
    return [(one.prediction.category.name, one.prediction.confidence) for one in answers]


def begun(team: Team) -> None:
    """All items have quick vectors, and the first of them full ones."""
    bring(team)
    for _ in range(3):  # the first quick block, the others, the first full block
        turn(team, Job.EMBED)
    turn(team, Job.SCORE, Job.QUEUE)


def learn(team: Team, count: int = 30) -> None:
    """Decide, and train as long as no full vector comes."""
    team.answer(count)
    team.train()
    turn(team, Job.TRAIN, Job.REGISTER, Job.SCORE, Job.QUEUE)


def test_the_first_block_is_asked_about_before_the_others_are_read(team: Team, encoder: Encoder, quick: Words) -> None:
    bring(team)
    turn(team, Job.EMBED)
    assert {name: len(ids) for name, ids in vectors(team).items()} == {quick.id: QUICK_BLOCK}
    turn(team, Job.SCORE, Job.QUEUE)
    leased = team.lease(5)
    assert leased
    assert any(one.prediction is not None and one.prediction.number == 0 for one in leased)
    turn(team, Job.EMBED)
    assert {name: len(ids) for name, ids in vectors(team).items()} == {quick.id: ITEMS}
    turn(team, Job.EMBED)
    assert {name: len(ids) for name, ids in vectors(team).items()} == {encoder.id: FULL_BLOCK, quick.id: ITEMS}


def test_the_whole_way(team: Team, drain: Drain, encoder: Encoder, quick: Words) -> None:
    begun(team)
    assert {name: len(ids) for name, ids in vectors(team).items()} == {encoder.id: FULL_BLOCK, quick.id: ITEMS}
    assert waits(team)
    assert pool(team) == (ITEMS, quick.dimensions)
    names_say = predicted(team)

    learn(team)
    assert team.serving() == 1
    first = predicted(team)
    assert first != names_say
    assert pool(team) == (ITEMS, quick.dimensions)
    assert TRUTH[like(team, "a parcel that has not arrived")[0].item.text] == "Shipping"
    assert waits(team)

    drain()  # the full ones follow
    assert not waits(team)
    assert {name: len(ids) for name, ids in vectors(team).items()} == {encoder.id: ITEMS, quick.id: ITEMS}
    with team.runtime.database.read() as session:
        made = [session.get_one(EncoderRow, one.encoder_id).name for one in team.versions()]
    assert made == [quick.id, encoder.id]
    assert team.serving() == 2
    assert len({one.trained_decisions for one in team.versions()}) == 1
    assert pool(team) == (ITEMS, encoder.dimensions)
    assert pool(team, 1) == (ITEMS, quick.dimensions)
    assert predicted(team, 1) == first
    assert [category for category, _ in predicted(team)] == ["Billing", "Shipping"]
    assert TRUTH[like(team, "a parcel that has not arrived")[0].item.text] == "Shipping"


def test_a_version_on_quick_vectors_serves_again_and_sees_what_came_since(
    team: Team, drain: Drain, quick: Words, encoder: Encoder
) -> None:
    begun(team)
    learn(team)
    first = predicted(team)
    drain()
    bring(team, 10, begin=ITEMS)
    drain()
    assert len(vectors(team)[quick.id]) == ITEMS  # no more than is needed
    assert team.rollback() == 1
    drain()
    assert predicted(team) == first
    assert pool(team) == (ITEMS + 10, quick.dimensions)
    bring(team, 10, begin=ITEMS + 10)
    drain()
    assert pool(team) == (ITEMS + 20, quick.dimensions)
    assert team.lease(3)
    assert not waits(team)
    team.answer(5)
    team.train()
    drain()
    with team.runtime.database.read() as session:
        assert session.get_one(EncoderRow, team.versions()[-1].encoder_id).name == encoder.id
    team.promote(2)
    assert pool(team) == (ITEMS + 20, encoder.dimensions)


def test_versions_of_two_encoders_are_compared_item_by_item(team: Team, drain: Drain) -> None:
    team.set(audit_rate=0.5)
    begun(team)
    learn(team, 60)
    drain()
    bring(team, 20, begin=ITEMS)  # these have full vectors alone
    drain()
    team.answer(60)
    with team.runtime.database.read() as session:
        project = team.project(session)
        found = comparison.compare(team.runtime, session, project, 1, 2)
        same = comparison.compare(team.runtime, session, project, 2, 2)
        one, other = (scored(team.runtime, session, project, number) for number in (1, 2))
        outlook = forecast.outlook(team.runtime, session, project)
    assert one is not None
    assert other is not None
    says = [dict(zip(part[0].item_ids.tolist(), part[1].category.tolist(), strict=True)) for part in (one, other)]
    assert found.pool == ITEMS
    assert found.changed == sum(says[1][item_id] != category for item_id, category in says[0].items())
    assert (same.pool, same.changed) == (ITEMS + 20, 0)
    assert 0 < found.audits <= same.audits
    assert found.metrics_a is not None
    assert found.metrics_b is not None
    assert found.metrics_a.n == found.metrics_b.n == found.audits
    assert outlook.advice


def test_a_version_on_quick_vectors_is_made_again_byte_for_byte(team: Team, drain: Drain) -> None:
    begun(team)
    learn(team)
    drain()
    with team.runtime.database.transaction() as session:
        job_id = reproduce.request_reproduction(session, team.caller, team.project(session), 1).id
    drain()
    with team.runtime.database.read() as session:
        assert session.get_one(JobRow, job_id).result["same"]


def test_another_machine_answers_with_the_encoder_of_the_version(team: Team, quick: Words, encoder: Encoder) -> None:
    begun(team)
    learn(team)
    recipe = recipe_of(team.runtime, team.slug, 1)
    assert recipe.encoder == quick.id
    there = Answerer(recipe, quick)
    assert [one["category"] for one in there(ASKED)] == [category for category, _ in predicted(team)]
    with pytest.raises(Unavailable, match=r"the version knows .*/static"):
        Answerer(recipe, encoder)


def test_killed_anywhere_each_item_gets_one_vector_of_each_kind(
    team: Team, crash: Crash, quick: Words, encoder: Encoder
) -> None:
    bring(team)

    def attempt(doomed: Runtime) -> bool:
        with team.runtime.database.read() as session:
            left = session.scalars(
                select(JobRow.id).where(JobRow.kind == Job.EMBED, JobRow.finished_at.is_(None))
            ).one_or_none()
        if left is not None:
            perform(doomed, left)
        return left is None

    assert crash(attempt) >= 8
    with team.runtime.database.read() as session:
        ids = list(session.scalars(select(ItemRow.id).order_by(ItemRow.id)))
    assert vectors(team) == {quick.id: ids, encoder.id: ids}
    assert not waits(team)


def test_what_is_erased_has_no_vector_of_either_kind(team: Team, drain: Drain, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(team)
    with team.runtime.database.read() as session:
        ids = list(session.scalars(select(ItemRow.id).order_by(ItemRow.id)))
    encode = team.runtime.encoders.quick.encode

    def erase_meanwhile(wanted: Sequence[str]) -> np.ndarray:
        with team.runtime.database.transaction() as session:
            if session.get(ItemRow, ids[7]) is not None:
                erase_item(session, team.caller, team.project(session), ids[7])
        return encode(wanted)

    monkeypatch.setattr(team.runtime.encoders.quick, "encode", erase_meanwhile)
    turn(team, Job.EMBED)
    with team.runtime.database.transaction() as session:
        erase_item(session, team.caller, team.project(session), ids[QUICK_BLOCK - 1])  # the last of the block
    drain()
    gone = {ids[7], ids[QUICK_BLOCK - 1]}
    for found in vectors(team).values():
        assert sorted(one for one in found if one > 0) == sorted(set(ids) - gone)


def test_a_small_project_has_no_quick_vectors(team: Team, drain: Drain, quick: Words) -> None:
    bring(team, MOST)
    drain()
    learn(team)
    assert team.serving() == 1
    assert quick.calls == 0
    assert set(vectors(team)) == {team.runtime.encoder.id}


def test_a_project_that_has_learnt_on_full_vectors_stays_with_them(team: Team, drain: Drain, quick: Words) -> None:
    bring(team, MOST)
    drain()
    learn(team)
    bring(team, ITEMS, begin=MOST)
    drain()
    assert quick.calls == 0
    assert pool(team) == (ITEMS + MOST, team.runtime.encoder.dimensions)


def test_without_the_setting_there_are_no_quick_vectors(
    settings: Settings, database: Database, encoder: Encoder, quick: Words, ann: Caller, project: ProjectRow
) -> None:
    off = Runtime(settings.model_copy(update={"quick_vectors": 0}), database, encoder, quick=quick)
    team = Team(off, ann, project.slug)
    bring(team)
    for _ in range(3):
        turn(team, Job.EMBED)
    assert set(vectors(team)) == {encoder.id}


def test_full_vectors_do_not_wait_for_quick_ones_that_cannot_be_had(
    team: Team, drain: Drain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __get__(self, *_: object) -> Encoder:
            raise Unavailable("no room for it")

    monkeypatch.setattr("models.encoders.Encoders.quick", Broken())
    bring(team)
    drain()
    assert pool(team) == (ITEMS, team.runtime.encoder.dimensions)
    assert "no room for it" in caplog.text


def test_another_encoder_ends_quick_vectors_of_the_one_before(team: Team, database: Database) -> None:
    begun(team)
    learn(team)

    class Other:
        """The same vectors turned round, under another name."""

        def __init__(self, own: Encoder) -> None:
            self._own = own
            self.id, self.dimensions = "other@1/fp32", own.dimensions

        def encode(self, wanted: Sequence[str]) -> np.ndarray:
            return self._own.encode(wanted)[:, ::-1]

    own = Other(team.runtime.encoder)
    changed = Team(Runtime(team.runtime.settings, database, own, quick=Words(own.id)), team.caller, team.slug)
    with database.transaction() as session:
        _adopt_encoder(session, changed.runtime)
    assert not waits(changed)
    assert changed.serving() == 0
    with pytest.raises(NoVersion, match="another encoder"):
        changed.promote(1)
    turn(changed, Job.EMBED, Job.EMBED)
    assert waits(changed)
    assert len(vectors(changed)[static_id(own.id)]) == ITEMS


def test_training_waits_for_the_quick_vectors_of_what_was_decided(team: Team, quick: Words) -> None:
    bring(team)
    turn(team, Job.EMBED)
    with team.runtime.database.read() as session:
        late = session.scalars(select(ItemRow).order_by(ItemRow.id.desc()).limit(12)).all()
    for one in late:
        team.decide(categories=[TRUTH[one.text]], item_id=one.id)
    team.train()
    turn(team, Job.TRAIN)
    assert not team.versions()
    turn(team, Job.EMBED)
    assert len(vectors(team)[quick.id]) == ITEMS
    with team.runtime.database.transaction() as session:
        job = session.scalars(select(JobRow).where(JobRow.kind == Job.TRAIN)).one()
        jobs.hasten(session, job)
    turn(team, Job.TRAIN)
    with team.runtime.database.read() as session:
        assert session.scalar(select(func.count()).select_from(VersionRow)) == 1
    assert team.versions()[0].trained_decisions == len(late)


def test_a_second_large_import_begins_with_quick_vectors_again(team: Team, drain: Drain, quick: Words) -> None:
    for begin in (0, 50):
        bring(team, 50, begin=begin)
        turn(team, Job.EMBED)
        assert waits(team)
        drain()
        assert not waits(team)
    assert len(vectors(team)[quick.id]) == 100


def test_nothing_is_wanted_while_nothing_waits(team: Team) -> None:
    with team.runtime.database.read() as session:
        project = team.project(session)
        assert not embed_quick._begins(team.runtime, session, project)
        assert not embed_quick._goes_on(session, project)
