"""What weighs in an answer: words of the text, and fields of the record where the version uses them."""

from dataclasses import dataclass

import numpy as np

from models.heads import Served
from models.learn.explain import Beside, FieldWeight, WordWeight, fields_that_weigh, words_that_weigh
from models.learn.fields import Record

_WORDS = 8
_FIELDS = 8


@dataclass(frozen=True, slots=True)
class Weights:
    """What weighed most, strongest first; no fields where the version uses none."""

    words: list[WordWeight]
    fields: list[FieldWeight]


NOTHING = Weights([], [])


def weights(served: Served, text: str, record: Record, category_id: int) -> Weights:
    """What speaks for the answer that a record is of a category: each with the rest of the record as it is."""
    head, features, encoder = served.head, served.features, served.encoder
    column = int(np.flatnonzero(head.classes_ == category_id)[0])
    if features is None:
        return Weights(words_that_weigh(text, encoder, head, column, _WORDS), [])
    inputs = served.inputs(encoder.encode([text]), [record])[0]
    beside = Beside(head, inputs[len(inputs) - features.width :])
    words = words_that_weigh(text, encoder, beside, column, _WORDS)
    return Weights(words, fields_that_weigh(inputs, features, head, column, _FIELDS))
