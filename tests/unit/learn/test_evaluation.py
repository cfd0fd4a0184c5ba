import numpy as np
import pytest

from models.learn.audit import exact_interval
from models.learn.evaluation import evaluate

CLASSES = np.array([3, 5, 9], dtype=np.int64)


def sample(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), count).astype(np.float32)
    truth = CLASSES[np.where(rng.random(count) < 0.7, probabilities.argmax(axis=1), rng.integers(0, 3, count))]
    return probabilities, truth


def test_the_figures_are_the_usual_ones():
    # Each process that collects tests would load it.
    from sklearn.metrics import f1_score, precision_score, recall_score

    probabilities, truth = sample()
    answers = CLASSES[probabilities.argmax(axis=1)]
    found = evaluate(probabilities, truth, CLASSES)
    assert found.n == 400
    assert found.accuracy == pytest.approx((answers == truth).mean())
    assert (found.accuracy_low, found.accuracy_high) == exact_interval(int((answers == truth).sum()), 400)
    assert found.macro_f1 == pytest.approx(f1_score(truth, answers, average="macro"))
    precision = precision_score(truth, answers, average=None)
    recall = recall_score(truth, answers, average=None)
    for row, score in enumerate(found.per_category):
        assert score.category == CLASSES[row]
        assert score.precision == pytest.approx(precision[row])
        assert score.recall == pytest.approx(recall[row])
        assert score.support == (truth == CLASSES[row]).sum()


def test_the_confusion_counts_add_up():
    probabilities, truth = sample()
    found = evaluate(probabilities, truth, CLASSES)
    assert sum(count for *_, count in found.confusion) == 400
    assert sum(count for true, answer, count in found.confusion if true == answer) == round(found.accuracy * 400)


def test_nothing_has_no_accuracy():
    assert evaluate(np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64), CLASSES) is None


def test_a_category_that_came_later_counts_as_wrong():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], dtype=np.float32)
    found = evaluate(probabilities, np.array([3, 77]), CLASSES)
    assert found.accuracy == 0.5
    assert np.isfinite(found.log_loss)
    assert (77, 5, 1) in found.confusion


def test_a_category_that_never_occurs_has_no_precision_and_no_part_in_the_mean():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], dtype=np.float32)
    found = evaluate(probabilities, np.array([3, 5]), CLASSES)
    assert found.macro_f1 == 1.0
    assert found.per_category[2].precision is None
    assert found.per_category[2].recall is None
