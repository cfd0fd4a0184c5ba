"""One encoder for all requests of a process: concurrent ones share a pass, repeated texts cost nothing."""

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.errors import EncoderBusy
from models.learn.encoders import Encoder
from models.learn.kept import KeptVectors
from models.together import Together

PASS_TEXTS: Final = 32
PASS_CHARS: Final = 4_000
_DIGEST_BYTES: Final = 16
_TOO_LATE: Final = "The encoder has too much to do, and could not come to all texts of this request in time: try again."

Floats = NDArray[np.float32]


class SharedEncoder:
    """An encoder between callers and another encoder.

    A pass takes what a fraction of a second allows: a request of many or long texts is encoded in several, and
    others have their turn in between.

    Args:
        encoder: does the work. It sorts the texts of a pass by length, for padding costs the most.
        keep: vectors of so many different texts are kept, those wanted last.
        on_repeat: told how many texts of a call needed no encoding.
        patience: a call is given up after so many seconds. A pass that is under way is not cut short, so it may be
            late by the length of one; what was encoded by then is kept, and a second call goes on from there.
    """

    def __init__(
        self,
        encoder: Encoder,
        keep: int,
        on_repeat: Callable[[int], object] = lambda _: None,
        patience: float | None = None,
    ) -> None:
        self._encoder = encoder
        self._kept = KeptVectors(keep, encoder.dimensions)
        self._on_repeat = on_repeat
        self._patience = patience
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
        """Encode texts, in their order; see `models.learn.encoders.Encoder`. Raises EncoderBusy."""
        until = None if self._patience is None else time.monotonic() + self._patience
        if len(texts) == 1:
            return self._encode_one(texts, until)
        marks = [_mark(text) for text in texts]
        found = {mark: vector for mark in set(marks) if (vector := self._kept.get(mark)) is not None}
        unknown = [(mark, text) for mark, text in zip(marks, texts, strict=True) if mark not in found]
        missing = dict(sorted(unknown, key=lambda one: len(one[1])))  # those of like length in one pass
        if len(texts) > len(missing):
            self._on_repeat(len(texts) - len(missing))
        while missing:
            block = dict(list(missing.items())[: _few_enough(list(missing.values()))])
            for mark, vector in zip(block, self._next(list(block.values()), until), strict=True):
                found[mark] = vector
                self._kept.put(mark, vector)
                del missing[mark]
        if not marks:
            return np.empty((0, self.dimensions), np.float32)
        return np.stack([found[mark] for mark in marks])

    def _encode_one(self, texts: Sequence[str], until: float | None) -> Floats:
        """What most calls are for, without what several texts need."""
        mark = _mark(texts[0])
        kept = self._kept.get(mark)
        if kept is not None:
            self._on_repeat(1)
            return kept[None]
        vectors = self._next(texts, until)
        self._kept.put(mark, vectors[0])
        return vectors

    def _next(self, texts: Sequence[str], until: float | None) -> Floats:
        if until is not None and time.monotonic() > until:
            raise EncoderBusy(_TOO_LATE)
        try:
            return self._together(texts, until)
        except TimeoutError:
            raise EncoderBusy(_TOO_LATE) from None

    def _encode_all(self, tasks: Sequence[Sequence[str]]) -> list[Floats]:
        if len(tasks) == 1:
            return [self._encoder.encode(tasks[0])]
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
