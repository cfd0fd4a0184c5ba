"""A head heard after two of its categories became one."""

import numpy as np
import pytest

from models.learn.answers import answer
from models.learn.folding import FoldedHead, FoldedMultiHead, fold
from models.learn.heads import PrototypeHead
from models.learn.multi import MultiHead

X = np.eye(4, 6, dtype=np.float32)


def single() -> PrototypeHead:
    return PrototypeHead().fit(X, np.array([3, 5, 8, 9]))


def multi() -> MultiHead:
    head = MultiHead().fit(X, np.eye(4, dtype=np.bool_), prototypes=X, classes=np.array([3, 5, 8, 9]))
    head.thresholds_ = np.array([0.5, 0.25, 0.5, 0.5], np.float32)
    return head


def test_a_head_that_knows_none_of_them_is_itself() -> None:
    head = single()
    assert fold(head, {4: 3}) is head
    assert fold(head, {}) is head


def test_probabilities_of_merged_categories_add_up() -> None:
    head = single()
    folded = fold(head, {5: 3})
    assert isinstance(folded, FoldedHead)
    assert folded.classes_.tolist() == [3, 8, 9]
    before, after = head.predict_proba(X), folded.predict_proba(X)
    assert after.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert after[:, 0] == pytest.approx(before[:, 0] + before[:, 1], abs=1e-6)
    assert folded.classes_[after.argmax(axis=1)].tolist() == [3, 3, 8, 9]


def test_into_a_category_that_the_head_never_knew() -> None:
    folded = fold(single(), {5: 30, 9: 30})
    assert folded.classes_.tolist() == [3, 8, 30]
    assert folded.classes_[folded.predict_proba(X).argmax(axis=1)].tolist() == [3, 30, 8, 30]


def test_of_several_categories_an_item_each_counts_by_its_own_threshold() -> None:
    head = multi()
    folded = fold(head, {5: 3})
    assert isinstance(folded, FoldedMultiHead)
    assert folded.classes_.tolist() == [3, 8, 9]
    said = answer(folded, folded.predict_proba(X), folded.classes_)
    chosen = head.choose(head.predict_proba(X))
    assert said.chosen[:, 0].tolist() == (chosen[:, 0] | chosen[:, 1]).tolist()
    assert np.all((said.confidence > 0) & (said.confidence < 1))
    part = answer(folded, folded.predict_proba(X)[:, 1:], folded.classes_[1:])
    assert part.chosen.shape == (4, 2)
