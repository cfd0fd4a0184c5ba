"""A head held against blind audits: one way of doing it for training, promotion and monitoring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.learn.answers import answer
from models.learn.evaluation import Evaluation, evaluate, evaluate_sets
from models.learn.heads import Head
from models.pool.inputs import Inputs
from models.store.queries.decisions import Labels
from models.vocabulary import TaskKind


@dataclass(frozen=True, slots=True)
class Examined:
    """What came out.

    Attributes:
        evaluation: the figures; None where there was no audit.
        answered: the likeliest category of each answer, shape (n,).
        confidence: of each answer, shape (n,).
        correct: whether each was right, shape (n,). The same audits give the same order for every head.
    """

    evaluation: Evaluation | None
    answered: NDArray[np.int64]
    confidence: NDArray[np.float32]
    correct: NDArray[np.bool_]


def examine(head: Head, inputs: Inputs, audits: Labels, task: TaskKind) -> Examined:
    """Have a head answer the audited items that the pool has, and compare.

    Args:
        audits: what people decided blindly, about items that the head has not learnt from.
        task: where items have several categories, an answer is right when it is the whole set.
    """
    pool = inputs.pool
    audits = audits.where(np.isin(audits.item, pool.item_ids))
    if not len(audits):
        return Examined(None, np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.bool_))
    if task is TaskKind.MULTI:
        items, member, outside = audits.members(head.classes_)
        said = answer(head, head.predict_proba(inputs.rows(pool.places(items))), head.classes_)
        figures = evaluate_sets(said, member, head.classes_, outside)
        likeliest = head.classes_[said.shares.argmax(axis=1)]
        return Examined(figures, likeliest, said.confidence, said.right(member) & ~outside)
    shares = head.predict_proba(inputs.rows(pool.places(audits.item)))
    answered = head.classes_[shares.argmax(axis=1)]
    figures = evaluate(shares, audits.category, head.classes_)
    return Examined(figures, answered, shares.max(axis=1), answered == audits.category)
