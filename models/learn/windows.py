"""Long texts, read whole: cut where the encoder's window ends, and the vectors of the pieces pooled."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.learn.encoders import Encoder


@runtime_checkable
class Cutting(Protocol):
    """An encoder that sees so many tokens of a text and no more."""

    id: str
    dimensions: int

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `models.learn.encoders.Encoder.encode`."""

    def pieces(self, text: str, most: int) -> list[str]:
        """The text cut where the window ends; at least one piece and at most `most`."""


class Windowed:
    """An encoder whose vector of a long text is the mean of those of its windows, of length 1 again.

    Args:
        inner: the encoder.
        most: so many windows are read; what lies behind them is not seen.
    """

    def __init__(self, inner: Cutting, most: int) -> None:
        self._inner, self._most = inner, most
        self.id, self.dimensions = f"{inner.id}/{most}w", inner.dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts of any length, in their order. Shape (n, dimensions), each row of length 1."""
        cut = {text: self._inner.pieces(text, self._most) for text in dict.fromkeys(texts)}
        pieces = [piece for text in texts for piece in cut[text]]
        vectors = self._inner.encode(pieces)
        if len(pieces) == len(texts):
            return vectors
        counts = np.asarray([len(cut[text]) for text in texts], np.int64)
        pooled = np.add.reduceat(vectors, np.cumsum(counts) - counts, axis=0)
        several = counts > 1
        pooled[several] /= np.linalg.norm(pooled[several], axis=1, keepdims=True)
        return pooled


def windowed(encoder: Encoder, most: int) -> Encoder:
    """The encoder, reading so many windows of a text; itself where that is one, or where it knows no window."""
    return Windowed(encoder, most) if most > 1 and isinstance(encoder, Cutting) else encoder
