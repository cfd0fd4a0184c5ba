"""Which words of a text an answer leans on, for programs that ask."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from models.errors import Invalid, Problem
from models.learn.explain import WordWeight, words_that_weigh
from models.runtime import Runtime
from models.steps.serve import Answers
from models.store.tables import ProjectRow

MOST_EXPLAINED = 20
"""Texts explained in one request: each costs up to fifty encodings."""

_WORDS = 8


def check_bounded(count: int) -> None:
    """Raise Invalid where more texts are to be explained than one request may."""
    if count > MOST_EXPLAINED:
        rule = f"is for at most {MOST_EXPLAINED} items a request"
        raise Invalid(f"`explain` {rule}.", problems=[Problem(("body", "explain"), rule)])


def words_behind(
    runtime: Runtime, session: Session, project: ProjectRow, texts: Sequence[str], answers: Answers
) -> list[list[WordWeight]]:
    """For each text, the words that weighed most in its answer, by the version that gave it; strongest first."""
    head = runtime.heads.get(session, project, answers.number).head
    explained = []
    for text, answer in zip(texts, answers.answers, strict=True):
        column = int(np.flatnonzero(head.classes_ == answer.prediction.category.id)[0])
        explained.append(words_that_weigh(text, runtime.encoder, head, column, _WORDS))
    return explained
