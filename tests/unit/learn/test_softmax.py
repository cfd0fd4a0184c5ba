import numpy as np

from models.learn.softmax import fit_shares, fit_softmax


def test_it_is_scikit_learns_logistic_regression(blobs):
    from sklearn.linear_model import LogisticRegression  # each process that collects tests would load it

    source = blobs(categories=5, spread=1.5)
    x, y = source.draw(300)
    index = np.searchsorted(source.classes, y)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 300).astype(np.float32)
    coefficients, intercepts = fit_softmax(x, index, weights, 5, strength=3.0, tolerance=1e-6)
    theirs = LogisticRegression(C=3.0, tol=1e-8, max_iter=2000).fit(x.astype(np.float64), index, weights)
    np.testing.assert_allclose(coefficients, theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(intercepts - intercepts.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=2e-3)


def test_the_same_rows_give_the_same_bytes(blobs):
    x, y = blobs(categories=3).draw(100)
    index = np.searchsorted(np.unique(y), y)
    weights = np.ones(100, dtype=np.float32)
    first, second = (fit_softmax(x, index, weights, 3) for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()


def test_a_class_without_rows_and_a_single_class_are_fitted(blobs):
    x, _ = blobs().draw(6)
    coefficients, intercepts = fit_softmax(x, np.zeros(6, dtype=np.int64), np.ones(6, dtype=np.float32), 3)
    assert coefficients.shape == (3, 16)
    assert ((x @ coefficients.T + intercepts).argmax(axis=1) == 0).all()


def test_a_row_with_shares_is_as_many_rows_with_one_class_each(blobs):
    source = blobs(categories=3, spread=1.5)
    x, _ = source.draw(60)
    shares = np.random.default_rng(0).dirichlet(np.ones(3), 60).astype(np.float32)
    whole = fit_shares(x, shares, np.ones(60, np.float32), tolerance=1e-6)
    parts = fit_softmax(np.repeat(x, 3, axis=0), np.tile(np.arange(3), 60), shares.ravel(), 3, tolerance=1e-6)
    np.testing.assert_allclose(whole[0], parts[0], atol=5e-3)
    near = fit_shares(x, shares, np.ones(60, np.float32), start=whole, rounds=1)
    np.testing.assert_allclose(near[0], whole[0], atol=5e-2)
