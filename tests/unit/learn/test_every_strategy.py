"""What every strategy promises. A new one is tested by standing in `STRATEGIES`."""

import numpy as np
import pytest

from models.learn.acquisition import EARLY, STRATEGIES, Candidates, explain, suited, uncertainty
from models.vocabulary import Reason

every = pytest.mark.parametrize("name", sorted(STRATEGIES))
every_but_random = pytest.mark.parametrize("name", sorted(set(STRATEGIES) - {"random"}))


def pool(count: int = 120, *, seed: int = 0, decided: int = 0, categories: int = 5) -> Candidates:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 12)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    probabilities = rng.dirichlet(np.full(categories, 0.5), count).astype(np.float32)
    mask = np.zeros(count, dtype=np.bool_)
    mask[rng.permutation(count)[:decided]] = True
    return Candidates(vectors, probabilities, mask)


def ask(name: str, candidates: Candidates, count: int, seed: int = 0):
    return STRATEGIES[name](candidates, count, np.random.default_rng(seed))


@every
@pytest.mark.parametrize("count", [1, 7, 40])
def test_it_gives_as_many_distinct_items_as_were_asked_for(name: str, count: int):
    picks = ask(name, pool(), count)
    assert len(picks.indices) == len(picks.scores) == count
    assert len(set(picks.indices.tolist())) == count
    assert picks.indices.dtype == np.int64


@every
def test_nothing_decided_is_asked_again(name: str):
    candidates = pool(decided=60)
    picks = ask(name, candidates, 60)
    assert len(picks.indices) == 60
    assert not candidates.decided[picks.indices].any()


@every
def test_what_is_left_is_all_there_is(name: str):
    candidates = pool(decided=110)
    picks = ask(name, candidates, 50)
    assert sorted(picks.indices.tolist()) == np.flatnonzero(~candidates.decided).tolist()


@every
@pytest.mark.parametrize(("count", "decided"), [(0, 0), (20, 20)])
def test_an_empty_pool_gives_nothing(name: str, count: int, decided: int):
    picks = ask(name, pool(count, decided=decided), 10)
    assert len(picks.indices) == len(picks.scores) == 0


@every
def test_asking_for_nothing_gives_nothing(name: str):
    assert len(ask(name, pool(), 0).indices) == 0


@every
def test_one_seed_gives_one_answer(name: str):
    first, second = ask(name, pool(), 20, seed=4), ask(name, pool(), 20, seed=4)
    assert first.indices.tolist() == second.indices.tolist()
    assert first.scores.tolist() == second.scores.tolist()


@every_but_random
def test_the_order_of_the_rows_does_not_matter(name: str):
    candidates = pool(decided=20)
    mixed = np.random.default_rng(9).permutation(len(candidates.vectors))
    turned = Candidates(candidates.vectors[mixed], candidates.probabilities[mixed], candidates.decided[mixed])
    straight = ask(name, candidates, 25)
    assert mixed[ask(name, turned, 25).indices].tolist() == straight.indices.tolist()


@every
def test_ties_and_duplicates_are_no_trouble(name: str):
    same = Candidates(
        np.tile(np.eye(1, 12, dtype=np.float32), (50, 1)),
        np.full((50, 4), 0.25, dtype=np.float32),
        np.zeros(50, dtype=np.bool_),
    )
    picks = ask(name, same, 10)
    assert len(set(picks.indices.tolist())) == 10


@every
def test_scores_are_shares_and_the_input_stays_as_it_was(name: str):
    candidates = pool(decided=10)
    before = candidates.vectors.copy(), candidates.probabilities.copy(), candidates.decided.copy()
    scores = ask(name, candidates, 30).scores
    assert ((scores >= 0) & (scores <= 1 + 1e-6)).all()
    for one, other in zip(before, (candidates.vectors, candidates.probabilities, candidates.decided), strict=True):
        assert (one == other).all()


@every
def test_half_precision_vectors_are_taken(name: str):
    candidates = pool()
    half = Candidates(candidates.vectors.astype(np.float16), candidates.probabilities, candidates.decided)
    assert len(ask(name, half, 10).indices) == 10


@pytest.mark.parametrize("name", ["margin", "margin_diverse", "margin_typical"])
def test_the_uncertain_come_first(name: str):
    candidates = pool(400)
    picks = ask(name, candidates, 20)
    assert (np.diff(picks.scores) <= 0).all()
    assert picks.scores.min() > np.median(uncertainty(candidates.probabilities))


def test_margin_asks_for_the_closest_pair():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.4, 0.35, 0.25], [0.5, 0.49, 0.01]], dtype=np.float32)
    picks = ask("margin", Candidates(np.eye(3, dtype=np.float32), probabilities, np.zeros(3, dtype=np.bool_)), 2)
    assert picks.indices.tolist() == [2, 1]
    np.testing.assert_allclose(picks.scores, [0.99, 0.95], atol=1e-6)


def groups(sizes: list[int], spread: float = 0.05) -> Candidates:
    """Well separated groups; the first is the most uncertain throughout."""
    rng = np.random.default_rng(0)
    parts = [np.eye(12)[at] + spread * rng.standard_normal((size, 12)) for at, size in enumerate(sizes)]
    vectors = np.vstack(parts).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lead = np.concatenate([np.full(size, 0.51 + 0.01 * at) for at, size in enumerate(sizes)])
    return Candidates(
        vectors, np.stack([lead, 1 - lead], axis=1).astype(np.float32), np.zeros(len(lead), dtype=np.bool_)
    )


def test_diversity_asks_every_group_where_margin_asks_one():
    candidates = groups([4, 4, 4])
    assert set((ask("margin", candidates, 4).indices // 4).tolist()) == {0}
    assert set((ask("margin_diverse", candidates, 4).indices // 4).tolist()) == {0, 1, 2}


def test_what_stands_for_many_is_asked_before_the_odd_one_that_is_least_sure():
    rng = np.random.default_rng(0)
    vectors = np.eye(12)[np.repeat([0, 1, 2], 30)] + 0.25 * rng.standard_normal((90, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    centres = vectors.reshape(3, 30, 12).mean(axis=1)
    from_middle = 1 - (vectors * np.repeat(centres, 30, axis=0)).sum(axis=1)
    lead = 0.7 - 0.2 * from_middle / from_middle.max()  # the further out, the less sure
    candidates = Candidates(vectors, np.stack([lead, 1 - lead], axis=1).astype(np.float32), np.zeros(90, np.bool_))
    odd, central = (from_middle[ask(name, candidates, 3).indices] for name in ("margin_diverse", "margin_typical"))
    assert central.max() < odd.min()
    assert len(set((ask("margin_typical", candidates, 3).indices // 30).tolist())) == 3


def test_the_strategy_follows_what_is_known():
    assert suited(0, 5, trained=False, several=False) is STRATEGIES["typical"]
    assert suited(5 * EARLY - 1, 5, trained=True, several=False) is STRATEGIES["margin_typical"]
    assert suited(5 * EARLY, 5, trained=True, several=False) is STRATEGIES["margin_diverse"]
    # Of several categories it must be seen as it is how common each one is.
    assert suited(0, 5, trained=False, several=True) is STRATEGIES["random"]
    assert suited(20, 5, trained=True, several=True) is STRATEGIES["margin_diverse"]


def test_no_predicted_category_takes_all_questions():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((600, 12)).astype(np.float32)
    lead = np.where(np.arange(600) < 400, 0.41, 0.6).astype(np.float32)  # 400 of one category, all uncertain
    probabilities = np.full((600, 11), 0.04, dtype=np.float32)
    column = np.where(np.arange(600) < 400, 0, 1 + np.arange(600) % 10)
    probabilities[np.arange(600), column] = lead
    picks = ask("margin_diverse", Candidates(vectors, probabilities, np.zeros(600, dtype=np.bool_)), 20)
    assert (column[picks.indices] == 0).sum() <= 18
    assert len(set(column[picks.indices].tolist())) >= 3


def test_near_twins_waste_no_questions():
    candidates = pool(60)
    twins = np.repeat(candidates.vectors[:3], 20, axis=0)
    vectors = np.concatenate([twins, candidates.vectors])
    lead = np.concatenate([np.full(60, 0.5), np.full(60, 0.55)]).astype(np.float32)
    probabilities = np.stack([lead, 1 - lead], axis=1)
    decided = np.zeros(120, dtype=np.bool_)
    decided[20] = True  # the second twin's answer is known
    picks = ask("margin_diverse", Candidates(vectors, probabilities, decided), 20)
    assert (picks.indices < 20).sum() <= 1
    assert ((picks.indices >= 20) & (picks.indices < 40)).sum() == 0


def test_typical_items_come_from_every_large_group_and_from_their_midst():
    candidates = groups([60, 30, 30, 30], spread=0.25)
    bounds = np.cumsum([60, 30, 30, 30])
    picks = ask("typical", candidates, 8)
    assert set(np.searchsorted(bounds, picks.indices, side="right").tolist()) == {0, 1, 2, 3}
    centres = [candidates.vectors[start:end].mean(axis=0) for start, end in zip([0, *bounds], bounds, strict=False)]
    likeness = (candidates.vectors @ np.stack(centres).T).max(axis=1)
    assert likeness[picks.indices].mean() > likeness.mean()


def test_typical_items_come_first_from_groups_that_nobody_decided():
    candidates = groups([40, 40, 40])
    candidates.decided[:5] = True
    picks = ask("typical", candidates, 2)
    assert (picks.indices >= 40).all()


def test_a_large_pool_is_sampled():
    candidates = pool(9000)
    picks = ask("typical", candidates, 20)
    assert len(set(picks.indices.tolist())) == 20


@pytest.mark.parametrize(
    ("reason", "top", "sentence"),
    [
        (
            Reason.UNCERTAIN,
            [("Billing", 0.44), ("Refund", 0.40)],
            "Asked because Billing and Refund are 4 points apart.",
        ),
        (
            Reason.UNCERTAIN,
            [("Billing", 0.41), ("Refund", 0.40)],
            "Asked because Billing and Refund are 1 point apart.",
        ),
        (Reason.UNCERTAIN, [("Billing", 0.4), ("Refund", 0.4)], "Asked because Billing and Refund are level."),
        (Reason.UNCERTAIN, [], "Asked because no category is sure."),
        (
            Reason.SECOND_LOOK,
            [("Billing", 0.9)],
            "Asked a second time and without a hint, to see whether the answer holds.",
        ),
    ],
)
def test_the_card_says_why(reason: Reason, top: list, sentence: str):
    assert explain(reason, top) == sentence


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_sentence_without_a_prediction(reason: Reason):
    assert explain(reason).startswith("Asked ")


def test_an_audit_gives_nothing_away():
    assert "Billing" not in explain(Reason.AUDIT, [("Billing", 0.9), ("Refund", 0.1)])


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [20, 60, 100])
def test_a_small_pool_begins_with_every_topic_too(seed: int, count: int):
    """Also where the whole pool fits into the queue, like is not asked after like."""
    rng = np.random.default_rng(seed)
    topic = rng.permutation(60) % 3
    vectors = np.eye(3, 16, dtype=np.float32)[topic] + 0.1 * rng.standard_normal((60, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    even = np.full((60, 3), 1 / 3, np.float32)
    picks = STRATEGIES["typical"](Candidates(vectors, even, np.zeros(60, np.bool_)), count, rng)
    assert len(set(picks.indices.tolist())) == min(count, 60)
    assert set(topic[picks.indices[:12]]) == {0, 1, 2}
