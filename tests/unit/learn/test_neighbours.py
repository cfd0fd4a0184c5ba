import numpy as np
import pytest

from models.learn.neighbours import neighbour_graph, spread


def groups(count: int = 60, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.eye(3, 8), count, axis=0) + 0.2 * rng.standard_normal((3 * count, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_each_row_is_joined_to_those_most_like_it():
    rows = groups()
    graph = neighbour_graph(rows, 5)
    likeness = rows @ rows.T
    np.fill_diagonal(likeness, -1)
    for row in (0, 70, 179):
        assert set(np.argsort(-likeness[row])[:5]) <= set(graph[[row]].indices)
    assert abs(graph - graph.T).max() < 1e-6
    assert graph.diagonal().sum() == 0


def test_blocks_make_no_difference():
    rows = groups(500)
    whole, part = neighbour_graph(rows, 4), neighbour_graph(rows[:900], 4)
    assert whole.shape == (1500, 1500)
    assert part.shape == (900, 900)
    assert np.linalg.norm(whole.toarray(), 2) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_have_few_neighbours(count: int):
    graph = neighbour_graph(groups()[:count])
    assert graph.shape == (count, count)
    assert graph.nnz == (2 if count == 2 else 0)


def test_one_decision_tells_a_whole_group():
    graph = neighbour_graph(groups())
    seeds = np.zeros((180, 3), np.float32)
    seeds[[0, 60, 120], [0, 1, 2]] = 1
    shares = spread(graph, seeds)
    assert (shares.argmax(axis=1) == np.repeat([0, 1, 2], 60)).mean() > 0.95
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


def test_a_category_with_many_seeds_does_not_swallow_the_others():
    graph = neighbour_graph(groups())
    seeds = np.zeros((180, 3), np.float32)
    seeds[:40, 0] = seeds[60, 1] = seeds[120, 2] = 1
    assert (spread(graph, seeds)[61:].argmax(axis=1) == np.repeat([1, 2], [59, 60])).mean() > 0.9


def test_what_nothing_reaches_has_equal_shares():
    shares = spread(neighbour_graph(groups()), np.zeros((180, 4), np.float32))
    np.testing.assert_allclose(shares, 0.25)
