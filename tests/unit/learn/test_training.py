import numpy as np
import pytest

from models.errors import TooLittleToLearn
from models.learn import training
from models.learn.calibration import calibration_error
from models.learn.fields import gained
from models.learn.names import Names
from models.learn.text import compose
from models.learn.training import fit_head


def fit(source, x, y, **options):
    return fit_head(x, y, source.prototypes, source.classes, **options)


def test_decisions_make_answers_better_than_names_alone(blobs):
    source = blobs(categories=8, spread=1.6, seed=3)
    x, y = source.draw(300)
    unseen, truth = source.draw(1000)
    by_name = (source.classes[(unseen @ source.prototypes.T).argmax(axis=1)] == truth).mean()
    source.prototypes = source._unit(source.prototypes + 0.25 * source.rng.standard_normal(source.prototypes.shape))
    blurred = (source.classes[(unseen @ source.prototypes.T).argmax(axis=1)] == truth).mean()
    learned = (fit(source, x, y).head.predict(unseen) == truth).mean()
    assert blurred + 0.05 < learned <= by_name + 0.05


def test_the_same_decisions_give_the_same_head(blobs):
    source = blobs()
    x, y = source.draw(80)
    first, second = fit(source, x, y, seed=5), fit(source, x, y, seed=5)
    assert first.head.coef_.tobytes() == second.head.coef_.tobytes()
    assert first.calibration == second.calibration
    assert first.gate == second.gate


@pytest.mark.parametrize("rows", [0, 1])
def test_one_decision_is_too_little(blobs, rows: int):
    source = blobs()
    x, y = source.draw(rows)
    with pytest.raises(TooLittleToLearn, match="decisions"):
        fit(source, x, y)


def test_one_category_is_too_little(blobs):
    source = blobs(categories=1)
    x, y = source.draw(10)
    with pytest.raises(TooLittleToLearn, match="categories"):
        fit(source, x, y)


def test_two_decisions_of_one_category_are_enough_to_begin(blobs):
    source = blobs(spread=0.2)
    x, y = source.draw(100)
    same = np.flatnonzero(y == source.classes[1])[:2]
    head = fit(source, x[same], y[same]).head
    assert head.predict_proba(x).shape == (100, 4)
    assert (head.predict(x) == y).mean() > 0.9


def test_names_that_mislead_are_shut_out(blobs):
    source = blobs(categories=6, spread=1.2, seed=1)
    x, y = source.draw(150)
    honest = fit(source, x, y)
    source.prototypes = np.roll(source.prototypes, 1, axis=0)
    misled = fit(source, x, y)
    assert honest.gate["names"] is True
    assert misled.gate["names"] is False
    assert misled.gate["names_of"] == "none"
    assert misled.gate["names_alone"] < honest.gate["names_alone"]


def test_names_that_mislead_cost_next_to_nothing(blobs):
    source = blobs(categories=6, spread=1.2, seed=1)
    x, y = source.draw(60)
    pool, _ = source.draw(500)
    unseen, truth = source.draw(2000)
    rng = np.random.default_rng(0)
    meaningless = source._unit(rng.standard_normal(source.prototypes.shape))
    source.prototypes = np.roll(source.prototypes, 1, axis=0)
    misled = fit(source, x, y, pool=pool).head
    source.prototypes = meaningless
    unnamed = fit(source, x, y, pool=pool).head
    right = [(head.predict(unseen) == truth).mean() for head in (misled, unnamed)]
    assert right[0] > right[1] - 0.03


@pytest.mark.parametrize("seed", range(3))
def test_undecided_items_make_new_texts_better_answered(blobs, seed: int):
    source = blobs(categories=6, spread=1.5, seed=seed, dimensions=24)
    x, y = source.draw(18)
    pool, _ = source.draw(1500)
    unseen, truth = source.draw(3000)
    source.prototypes = source._unit(source.rng.standard_normal(source.prototypes.shape))
    alone, beside = fit(source, x, y), fit(source, x, y, pool=pool)
    assert beside.gate["neighbours"] > 0
    assert (beside.head.predict(unseen) == truth).mean() > (alone.head.predict(unseen) == truth).mean() + 0.02


def test_neighbours_that_disagree_are_not_heard(blobs):
    source = blobs(categories=2, seed=4, dimensions=30)
    rng = np.random.default_rng(0)
    pool = source._unit(rng.standard_normal((1200, 30)))
    direction = np.r_[1.0, np.zeros(29)]
    x, y = pool[:400], source.classes[(pool[:400] @ direction > 0).astype(int)]
    unseen = source._unit(rng.standard_normal((2000, 30)))
    truth = source.classes[(unseen @ direction > 0).astype(int)]
    alone, beside = fit(source, x, y), fit(source, x, y, pool=pool[400:])
    assert beside.gate["decided"] > beside.gate["neighbours"]
    assert (beside.head.predict(unseen) == truth).mean() > (alone.head.predict(unseen) == truth).mean() - 0.02


def test_the_same_decisions_and_pool_give_the_same_head(blobs):
    source = blobs()
    x, y = source.draw(80)
    pool, _ = source.draw(300)
    first, second = fit(source, x, y, pool=pool), fit(source, x, y, pool=pool)
    assert first.head.coef_.tobytes() == second.head.coef_.tobytes()
    assert first.head.intercept_.tobytes() == second.head.intercept_.tobytes()
    other = fit(source, x, y, pool=pool[:200])
    assert first.head.coef_.tobytes() != other.head.coef_.tobytes()


@pytest.mark.parametrize("found", [1, 2])
def test_a_category_found_late_is_answered(blobs, found: int):
    source = blobs(categories=5, spread=0.5, seed=3)
    x, y = source.draw(200)
    pool, _ = source.draw(600)
    late = np.flatnonzero(y == source.classes[4])
    kept = np.sort(np.concatenate([np.flatnonzero(y != source.classes[4]), late[:found]]))
    unseen, truth = source.draw(1000)
    source.prototypes = source.prototypes.copy()
    source.prototypes[4] = -source.prototypes[4]  # its name is no help
    head = fit(source, x[kept], y[kept], pool=pool).head
    own = truth == source.classes[4]
    assert (head.predict(unseen)[own] == source.classes[4]).mean() > 0.8


def test_confidence_is_the_frequency_of_being_right(blobs):
    source = blobs(categories=6, spread=2.0, seed=2)
    x, y = source.draw(600)
    unseen, truth = source.draw(6000)
    head = fit(source, x, y).head
    correct = head.predict(unseen) == truth
    assert 0.5 < correct.mean() < 0.97
    assert calibration_error(head.predict_proba(unseen).max(axis=1), correct) < 0.05


def test_confidence_holds_also_where_only_hard_items_were_decided(blobs, monkeypatch):
    source = blobs(categories=5, spread=1.2, seed=5)
    x, y = source.draw(2400)
    unseen, truth = source.draw(4000)
    first = fit(source, x[:60], y[:60]).head.predict_proba(x[60:1200])
    margin = np.diff(np.sort(first, axis=1)[:, -2:], axis=1).ravel()
    chosen = np.concatenate([np.arange(60), 60 + np.argsort(margin)[:140]])

    def error() -> float:
        head = fit(source, x[chosen], y[chosen], pool=x[1200:]).head
        return calibration_error(head.predict_proba(unseen).max(axis=1), head.predict(unseen) == truth)

    by_agreement = error()
    monkeypatch.setattr(training, "LEAST_ASIDE", len(x))
    assert by_agreement < 0.04
    assert by_agreement < 0.6 * error()


def test_answers_that_stand_firm_are_not_believed_where_decisions_contradict_them(blobs):
    source = blobs(categories=5, spread=0.6, seed=3)
    x, y = source.draw(1_500)
    unseen, truth = source.draw(2_000)
    noise = np.random.default_rng(4)

    def as_said(true):
        """Three in ten are called something else, whoever says it."""
        other = source.classes[noise.integers(0, 5, len(true))]
        return np.where(noise.random(len(true)) < 0.3, other, true)

    result = fit(source, x[:200], as_said(y[:200]), pool=x[200:])
    right = (result.head.predict(unseen) == as_said(truth)).mean()
    sure = result.head.predict_proba(unseen).max(axis=1).mean()
    assert result.calibration["agreement"] > right + 0.15  # agreement alone would promise too much
    assert abs(sure - right) < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_two_decisions_a_category_do_not_make_confidence_too_low(blobs, seed: int):
    source = blobs(categories=40, spread=1.0, seed=seed, dimensions=24)
    x, y = source.draw(1_500)
    unseen, truth = source.draw(2_000)
    source.prototypes = source._unit(source.rng.standard_normal(source.prototypes.shape))  # names are no help
    two = np.concatenate([np.flatnonzero(y == category)[:2] for category in source.classes])
    result = fit(source, x[two], y[two], pool=np.delete(x, two, axis=0))
    right = (result.head.predict(unseen) == truth).mean()
    sure = result.head.predict_proba(unseen).max(axis=1).mean()
    assert result.calibration["agreement"] < right - 0.05  # a head that lacks a third knows some categories not at all
    assert abs(sure - right) < 0.04


@pytest.mark.parametrize("seed", range(2))
def test_what_is_undecided_is_not_taken_for_all_there_is(blobs, seed: int):
    """The hard quarter was asked about: the rest is easy, but what comes next is not only like the rest."""
    source = blobs(categories=10, spread=1.2, seed=seed, dimensions=16)
    x, y = source.draw(1_500)
    unseen, truth = source.draw(3_000)
    best = np.sort(x @ source.prototypes.T, axis=1)
    hard = np.argsort(best[:, -1] - best[:, -2])[:400]

    def error(asked: float) -> float:
        head = fit(source, x[hard], y[hard], pool=np.delete(x, hard, axis=0), asked=asked).head
        return calibration_error(head.predict_proba(unseen).max(axis=1), head.predict(unseen) == truth)

    assert error(400 / 1_500) < 0.03
    assert error(0.0) > 0.04


def test_hopeless_categories_take_little_of_an_answer(blobs):
    source = blobs(categories=40, spread=1.0, seed=0, dimensions=24)
    x, y = source.draw(1_500)
    many = fit(source, x[:200], y[:200], pool=x[200:])
    assert many.head.rivals == training.RIVALS
    shares = np.sort(many.head.predict_proba(x), axis=1)[:, ::-1]
    assert (shares > 0).all(), "nothing is impossible"
    many.head.rivals = 0
    alike = np.sort(many.head.predict_proba(x), axis=1)[:, ::-1]
    others = np.s_[:, training.RIVALS :]
    assert shares[others].sum() < alike[others].sum() / 5
    assert fit(source, x[:200], y[:200]).head.rivals == 0  # without a pool nothing tells how firm answers are


def test_a_pool_that_is_mostly_decided_and_all_agreed_upon_does_not_make_answers_unsure(blobs):
    source = blobs(categories=20, spread=0.9, seed=0, dimensions=24)
    x, y = source.draw(1_000)
    unseen, truth = source.draw(2_000)
    best = np.sort(x @ source.prototypes.T, axis=1)
    hard = np.argsort(best[:, -1] - best[:, -2])[:600]
    result = fit(source, x[hard], y[hard], pool=np.delete(x, hard, axis=0))
    right = (result.head.predict(unseen) == truth).mean()
    assert result.calibration["agreement"] == 1.0
    assert abs(result.head.predict_proba(unseen).max(axis=1).mean() - right) < 0.02


def test_with_enough_random_decisions_confidence_is_fitted_on_those(blobs):
    source = blobs(categories=3, spread=2.0)
    x, y = source.draw(400)
    hard = np.argsort(np.abs(np.diff(np.sort(x @ source.prototypes.T, axis=1)[:, -2:], axis=1)).ravel())[:200]
    chosen = np.concatenate([hard, np.setdiff1d(np.arange(400), hard)[:100]])
    uniform = np.arange(300) >= 200
    plain = fit(source, x[chosen], y[chosen])
    told = fit(source, x[chosen], y[chosen], uniform=uniform)
    assert plain.calibration["rows"] == 300
    assert told.calibration["rows"] == 100
    assert told.calibration["random_rows"] is True
    assert told.head.temperature < plain.head.temperature
    few = fit(source, x[chosen], y[chosen], uniform=np.arange(300) >= 290)
    assert few.calibration["rows"] == 300


def test_twelve_real_decisions_beat_the_names(encoder):
    categories = {"Billing": "money", "Login": "access", "Delivery": "parcels"}
    decided = [
        ("I was charged twice this month", 0), ("please send me the invoice again", 0), ("refund my payment", 0),
        ("why is the price higher now", 0), ("I forgot my password", 1), ("my account is locked", 1),
        ("the code by text message never comes", 1), ("cannot sign in on my phone", 1),
        ("where is my package", 2), ("the courier left it at the wrong door", 2),
        ("my order is late", 2), ("the box came damaged", 2),
    ]  # fmt: skip
    asked = [
        ("you took the amount two times from my card", 0), ("the tariff on my bill is wrong", 0),
        ("reset link does not work", 1), ("two-factor code invalid", 1),
        ("tracking says it is still in the depot", 2), ("nobody rang, and now it is back at the post office", 2),
    ]  # fmt: skip
    classes = np.arange(3, dtype=np.int64)
    prototypes = encoder.encode([compose(name, about) for name, about in categories.items()])
    fitted = fit_head(
        encoder.encode([text for text, _ in decided]), np.array([index for _, index in decided]), prototypes, classes
    )
    assert fitted.head.predict(encoder.encode([text for text, _ in asked])).tolist() == [i for _, i in asked]


def halves(source, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors that tell no more than a category's pair, their categories, and a column that tells which of the pair."""
    x, y = source.draw(count)
    place = np.searchsorted(source.classes, y)
    twin = source.prototypes[place // 2 * 2] + 0.3 * source.rng.standard_normal(x.shape)
    column = (place % 2 * 2.0 - 1.0 + 0.3 * source.rng.standard_normal(count))[:, None]
    return source._unit(twin), y, column.astype(np.float32)


@pytest.mark.parametrize("pool", [0, 400])
def test_fields_that_help_are_kept(blobs, pool: int):
    source = blobs(seed=4)
    x, y, column = halves(source, 120 + pool)
    beside = x[120:] if pool else None
    fields = column[:120], column[120:] if pool else None
    found = fit(source, x[:120], y[:120], pool=beside, fields=fields)
    again = fit(source, x[:120], y[:120], pool=beside, fields=fields)
    assert found.fields
    assert found.gate["fields"]["used"]
    assert found.gate["fields"]["accuracy"] > found.gate["fields"]["without"] + 0.2
    assert found.head.coef_.tobytes() == again.head.coef_.tobytes()
    unseen, truth, told = halves(source, 500)
    assert (found.head.predict(np.hstack([unseen, told])) == truth).mean() > 0.9


def test_fields_that_say_nothing_leave_no_trace_in_the_head(blobs):
    source = blobs(seed=5)
    x, y = source.draw(420)
    noise = source.rng.standard_normal((420, 6)).astype(np.float32)
    plain = fit(source, x[:120], y[:120], pool=x[120:])
    found = fit(source, x[:120], y[:120], pool=x[120:], fields=(noise[:120], noise[120:]))
    assert not found.fields
    assert found.head.coef_.tobytes() == plain.head.coef_.tobytes()
    assert {**plain.gate, "fields": found.gate["fields"]} == found.gate
    assert found.gate["fields"]["used"] is False


def test_fields_that_win_by_nothing_are_not_worth_their_columns():
    surprise = np.full(200, 0.001)
    assert gained(surprise, surprise + 0.002) == (0.002, False)
    assert gained(surprise, surprise + 0.2) == (0.2, True)


def test_confidence_stays_as_it_is_where_no_version_without_a_third_of_the_decisions_agrees() -> None:
    always = [(np.zeros((2, 3), np.float32), np.eye(2, dtype=np.float32)[one]) for one in (0, 1)]
    aside = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    logits = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    others = [[always[1]]] * 3
    held_out = training._HeldOut(logits, Names.NONE, [always[0]], others, [1.0], np.ones(2), {})
    assert training._by_agreement(held_out, np.array([0, 1]), always[0], aside, 0.0, 0.7) == (0.7, 0.0)
