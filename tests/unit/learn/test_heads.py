import numpy as np
import pytest

from models.learn.heads import LinearHead, PrototypeHead, others_behind, softmax


def test_softmax_is_safe_for_large_logits():
    found = softmax(np.array([[1000.0, 0.0], [-1000.0, -1000.0]]))
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.5, 0.5]])


def test_prototypes_answer_with_the_nearest_category(blobs):
    source = blobs(spread=0.2)
    x, y = source.draw(50)
    head = PrototypeHead().fit(source.prototypes, source.classes)
    assert (head.predict(x) == y).mean() > 0.95
    assert (head.classes_[head.predict_proba(x).argmax(axis=1)] == head.predict(x)).all()
    np.testing.assert_allclose(head.predict_proba(x).sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", ["prototype", "linear"])
def test_categories_may_come_in_any_order(blobs, kind: str):
    source = blobs()
    x, y = source.draw(40)
    shuffled = np.array([2, 0, 3, 1])

    def answer(order):
        words, ids = source.prototypes[order], source.classes[order]
        if kind == "prototype":
            return PrototypeHead().fit(words, ids)
        return LinearHead().fit(x, y, prototypes=words, classes=ids)

    straight, mixed = answer(np.arange(4)), answer(shuffled)
    assert (straight.classes_ == mixed.classes_).all()
    np.testing.assert_allclose(straight.predict_proba(x), mixed.predict_proba(x), atol=1e-6)


def test_a_category_without_decisions_is_known_by_its_name(blobs):
    source = blobs(spread=0.3)
    x, y = source.draw(200)
    unknown = source.classes[2]
    seen = y != unknown
    for names_weight in (0.0, 1.0):
        head = LinearHead(names_weight=names_weight)
        head.fit(x[seen], y[seen], prototypes=source.prototypes, classes=source.classes)
        assert (head.predict(x[~seen]) == unknown).mean() > 0.9


def test_decisions_outweigh_names_that_mislead(blobs):
    source = blobs(spread=0.3)
    x, y = source.draw(120)
    head = LinearHead(names_weight=0.0).fit(
        x, y, prototypes=np.roll(source.prototypes, 1, axis=0), classes=source.classes
    )
    assert (head.predict(x) == y).mean() > 0.95


def test_no_decision_at_all_is_the_same_as_the_names(blobs):
    source = blobs(spread=0.2)
    x, y = source.draw(60)
    nothing = np.empty((0, 16), dtype=np.float32), np.empty(0, dtype=np.int64)
    head = LinearHead().fit(*nothing, prototypes=source.prototypes, classes=source.classes)
    assert (head.predict(x) == y).mean() > 0.95


def test_a_lower_temperature_is_surer_and_answers_the_same(blobs):
    source = blobs(spread=1.0)
    x, y = source.draw(100)
    calm = LinearHead().fit(x, y, prototypes=source.prototypes, classes=source.classes)
    sure = LinearHead(temperature=0.3).fit(x, y, prototypes=source.prototypes, classes=source.classes)
    assert (calm.predict(x) == sure.predict(x)).all()
    assert (sure.predict_proba(x).max(axis=1) > calm.predict_proba(x).max(axis=1)).all()


@pytest.mark.parametrize(("rivals", "left"), [(0, 9), (1, 1), (4, 4), (9, 9), (12, 9)])
def test_categories_that_are_no_rivals_get_little_and_keep_their_order(rivals: int, left: int):
    logits = np.random.default_rng(0).standard_normal((50, 9)).astype(np.float32)
    lowered = others_behind(logits, rivals)
    assert ((lowered == logits).sum(axis=1) == left).all()
    assert (np.argsort(lowered, axis=1) == np.argsort(logits, axis=1)).all()
    shares, plain = softmax(lowered), softmax(logits)
    assert (shares > 0).all()
    assert shares.sum(axis=1) == pytest.approx(1)
    least = np.sort(logits, axis=1)[:, [-left]]
    assert (shares[logits < least] < plain[logits < least]).all()
