"""The real processes with an encoder that costs next to nothing, so that everything else can be measured apart from it.

    python -m benchmarks._stand_in MODULE      # api, worker or models.prepare

A text's vector is the sum of its words' vectors, which are drawn at random once: texts with the same words are alike.
Where the folder `STAND_IN_STALLS` has a file of the module's name, each call takes as many seconds as it says, or until
the file is gone. A text that has the word `STAND_IN_POISON` in it kills the worker that encodes it.
Where `STAND_IN_CLOCK` names a file, they go by the clock of `benchmarks._clock`.
"""

import os
import re
import runpy
import signal
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks import _clock
from models import encoders

_WORD = re.compile(r"\w+")
_WORDS = 8_192
_SEED = 7
_STALLS = os.environ.get("STAND_IN_STALLS")
_POISON = os.environ.get("STAND_IN_POISON")


class StandIn:
    """Words, hashed; as many numbers a text as the default encoder gives."""

    id = "benchmark-stand-in/words"
    dimensions = 384

    def __init__(self, module: str) -> None:
        self._module = module
        table = np.random.default_rng(_SEED).standard_normal((_WORDS, self.dimensions), np.float32)
        self._table = table / np.linalg.norm(table, axis=1, keepdims=True)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (n, dimensions), each row of length 1."""
        self._stall()
        if _POISON and self._module == "worker" and any(_POISON in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            words = [zlib.crc32(word.encode()) % _WORDS for word in _WORD.findall(text.lower())] or [0]
            vectors[row] = self._table[words].sum(axis=0)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors

    def _stall(self) -> None:
        if _STALLS is None:
            return
        file, began = Path(_STALLS) / self._module, time.monotonic()
        with suppress(FileNotFoundError, ValueError):  # it may go at any moment
            while time.monotonic() - began < float(file.read_text()):
                time.sleep(0.05)


def main() -> None:
    """Run a module as `python -m` would, with the stand-in for an encoder."""
    sys.argv = sys.argv[1:]
    stand_in = StandIn(sys.argv[0])
    if _clock.VARIABLE in os.environ:
        _clock.follow(Path(os.environ[_clock.VARIABLE]))
    with patch.object(encoders, "load_encoder", lambda *_args, **_more: stand_in):
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
