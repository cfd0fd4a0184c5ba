"""One encoder for all requests of a process: concurrent ones share a pass, repeated texts cost nothing."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.bounded import Bounded
from models.learn.encoders import Encoder
from models.together import Together

PASS_TEXTS: Final = 32
PASS_CHARS: Final = 4_000
_DIGEST_BYTES: Final = 16

Floats = NDArray[np.float32]


class SharedEncoder:
    """An encoder between callers and another encoder.

    A pass takes what a fraction of a second allows: a request of many or long texts is encoded in several, and
    others have their turn in between.

    Args:
        encoder: does the work. It sorts the texts of a pass by length, for padding costs the most.
        keep: vectors of so many different texts are kept, those wanted last.
        on_repeat: told how many texts of a call needed no encoding.
    """

    def __init__(self, encoder: Encoder, keep: int, on_repeat: Callable[[int], object] = lambda _: None) -> None:
        self._encoder = encoder
        self._kept: Bounded[bytes, Floats] = Bounded(keep)
        self._on_repeat = on_repeat
        self._together: Together[Sequence[str], Floats] = Together(self._encode_all, _fit_a_pass)

    @property
    def id(self) -> str:
        """As the encoder's own."""
        return self._encoder.id

    @property
    def dimensions(self) -> int:
        """As the encoder's own."""
        return self._encoder.dimensions

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encode texts, in their order; see `models.learn.encoders.Encoder`."""
        marks = [_mark(text) for text in texts]
        found = {mark: vector for mark in set(marks) if (vector := self._kept.get(mark)) is not None}
        unknown = [(mark, text) for mark, text in zip(marks, texts, strict=True) if mark not in found]
        missing = dict(sorted(unknown, key=lambda one: len(one[1])))  # those of like length in one pass
        self._on_repeat(len(texts) - len(missing))
        while missing:
            block = dict(list(missing.items())[: _few_enough(list(missing.values()))])
            for mark, vector in zip(block, self._together(list(block.values())), strict=True):
                found[mark] = vector
                self._kept.put(mark, vector.copy())  # not a view: that would keep the whole pass
                del missing[mark]
        if not marks:
            return np.empty((0, self.dimensions), np.float32)
        return np.stack([found[mark] for mark in marks])

    def _encode_all(self, tasks: Sequence[Sequence[str]]) -> list[Floats]:
        vectors = self._encoder.encode([text for task in tasks for text in task])
        ends = np.cumsum([len(task) for task in tasks])
        return np.split(vectors, ends[:-1])


def _mark(text: str) -> bytes:
    """A short name for exactly this text: what an answer is must not depend on who asked before."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def _few_enough(texts: Sequence[str]) -> int:
    """How many of these texts one pass takes, at least one."""
    chars = 0
    for count, text in enumerate(texts[:PASS_TEXTS]):
        chars += len(text)
        if chars > PASS_CHARS:
            return max(1, count)
    return min(len(texts), PASS_TEXTS)


def _fit_a_pass(tasks: Sequence[Sequence[str]]) -> int:
    """How many of these tasks one pass takes, at least one."""
    texts = chars = 0
    for count, task in enumerate(tasks):
        texts += len(task)
        chars += sum(map(len, task))
        if count and (texts > PASS_TEXTS or chars > PASS_CHARS):
            return count
    return len(tasks)
