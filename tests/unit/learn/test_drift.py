import numpy as np
import pytest

from models.learn.drift import drift, stability_index
from models.learn.heads import PrototypeHead


def test_the_same_histogram_has_no_shift():
    counts = np.array([10, 20, 30])
    assert stability_index(counts, counts) == 0.0
    assert stability_index(counts, counts * 0) == 0.0


def test_the_index_is_symmetric_and_finite_for_empty_bins():
    one, other = np.array([50, 0]), np.array([0, 50])
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))
    assert 0.25 < stability_index(one, other) < 100


def test_a_shift_shows_and_calm_does_not(blobs):
    source = blobs(categories=4)
    head = PrototypeHead().fit(source.prototypes, source.classes)
    x, y = source.draw(4000)
    calm = drift(x[:2000], head.predict_proba(x[:2000]), x[2000:], head.predict_proba(x[2000:]))
    only = x[y == source.classes[0]]
    shifted = drift(x[:2000], head.predict_proba(x[:2000]), only, head.predict_proba(only))
    assert calm.categories < 0.1
    assert calm.confidence < 0.1
    assert calm.meaning < 0.05
    assert shifted.categories > 0.25
    assert shifted.meaning > calm.meaning
    assert (calm.reference, calm.recent) == (2000, 2000)


def test_nothing_recent_is_no_drift(blobs):
    x, _ = blobs().draw(10)
    none = drift(x, np.full((10, 2), 0.5), x[:0], np.empty((0, 2)))
    assert (none.categories, none.confidence, none.meaning, none.recent) == (0.0, 0.0, 0.0, 0)
