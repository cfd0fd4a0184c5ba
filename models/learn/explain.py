"""Why an answer came out as it did: the words that weigh, and what lies near."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.learn.encoders import Encoder
from models.learn.fields import FieldFeatures, Floats, joined
from models.learn.heads import Head, Ids

MAX_PIECES: Final = 48
BLOCK: Final = 65_536
TINY: Final = 1e-6

_WORD: Final = re.compile(r"\S*\w\S*")


@dataclass(frozen=True, slots=True)
class WordWeight:
    """A piece of a text and what it did to the answer.

    Attributes:
        start: where it begins, in characters.
        end: behind its last character.
        text: the piece; several words where the text is long.
        weight: how far it moved the category's log odds; above 0 it spoke for the category.
    """

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class FieldWeight:
    """A field of a record and what it did to the answer, as `WordWeight` has it."""

    field: str
    weight: float


class Beside:
    """A head that hears other texts beside the same record: a head of vectors alone.

    Args:
        columns: of the record's fields, shape (m,).
    """

    def __init__(self, head: Head, columns: Floats) -> None:
        self._head = head
        self._columns = columns

    @property
    def classes_(self) -> Ids:
        """As the head has them."""
        return self._head.classes_

    def predict_proba(self, x: Floats) -> Floats:
        """Vectors (n, d) to probabilities (n, k)."""
        return self._head.predict_proba(joined(x, np.tile(self._columns, (len(x), 1))))


def fields_that_weigh(
    inputs: Floats, features: FieldFeatures, head: Head, class_index: int, limit: int = 5
) -> list[FieldWeight]:
    """Make each field in turn say what is usual, and see what happens to the answer.

    Args:
        inputs: a vector with the columns of its record behind it, shape (d + m,).
        features: what made the columns.
        head: the one that wants them.
        class_index: column of the category in question.
        limit: most fields to return.

    Returns:
        The fields that moved the answer most, strongest first; those that did nothing are left out.
    """
    variants = np.tile(inputs, (1 + len(features.names), 1))
    text = len(inputs) - features.width
    for column, owner in enumerate(features.owners.tolist()):
        variants[1 + owner, text + column] = 0.0
    weights = _moved(head.predict_proba(variants)[:, class_index])
    order = np.argsort(-np.abs(weights), kind="stable")[:limit]
    return [FieldWeight(features.names[row], float(weights[row])) for row in order.tolist() if weights[row]]


def words_that_weigh(text: str, encoder: Encoder, head: Head, class_index: int, limit: int = 5) -> list[WordWeight]:
    """Leave out each word in turn and see what happens to the answer.

    Costs one batch of at most 49 texts: words of a long text are taken together.

    Args:
        text: any text.
        encoder: the one that the head was trained with.
        head: any head.
        class_index: column of the category in question.
        limit: most pieces to return.

    Returns:
        The pieces that moved the answer most, strongest first.
    """
    words = [found.span() for found in _WORD.finditer(text)]
    if not words or limit < 1:
        return []
    size = -(-len(words) // MAX_PIECES)
    pieces = [(words[at][0], words[min(at + size, len(words)) - 1][1]) for at in range(0, len(words), size)]
    variants = [text, *(text[:start] + " " + text[end:] for start, end in pieces)]
    weights = _moved(head.predict_proba(encoder.encode(variants))[:, class_index])
    order = np.argsort(-np.abs(weights), kind="stable")[:limit]
    return [
        WordWeight(pieces[row][0], pieces[row][1], text[slice(*pieces[row])], float(weights[row]))
        for row in order.tolist()
    ]


def _moved(shares: Floats) -> NDArray[np.float64]:
    """How far the log odds of the first share lie above those of each other one."""
    share = np.clip(np.asarray(shares, dtype=np.float64), TINY, 1 - TINY)
    odds = np.log(share / (1 - share))
    moved: NDArray[np.float64] = odds[0] - odds[1:]
    return moved


def nearest(
    vector: NDArray[np.floating], matrix: NDArray[np.floating], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The rows of a matrix that are most like a vector, by brute force.

    Args:
        vector: shape (d,), of length 1.
        matrix: shape (n, d), rows of length 1; may be half precision and memory-mapped: it is read in blocks.
        k: how many; fewer come back where the matrix has fewer rows.

    Returns:
        Row numbers (m,) and cosine similarities (m,), most alike first.
    """
    query = np.asarray(vector, dtype=np.float32)
    parts = [
        np.asarray(matrix[start : start + BLOCK], dtype=np.float32) @ query for start in range(0, len(matrix), BLOCK)
    ]
    similarity = np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
    count = max(0, min(k, len(similarity)))
    if count == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    best = np.argpartition(-similarity, count - 1)[:count]
    best = best[np.lexsort((best, -similarity[best]))]
    return best.astype(np.int64), similarity[best]
