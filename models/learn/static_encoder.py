"""An encoder without a network: each token has a vector of its own, and a text is their weighted mean.

The token vectors are distilled from an exported encoder, once, in the manner of Model2Vec (Tulkens and van Dongen,
2024): what the encoder says of each token alone, turned to its main components, and weighted down where the token is
frequent (Arora, Liang and Ma 2017; how frequent is guessed from its rank in the vocabulary). Words no longer see each
other, which costs accuracy; a text takes microseconds instead of milliseconds.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from tokenizers import Tokenizer

from models.errors import Unavailable
from models.learn.onnx_encoder import TOKENIZER, OnnxEncoder
from models.learn.text import encodable
from models.learn.weights import digest_of_file

MANIFEST: Final = "static.json"
TOKENS: Final = "tokens.safetensors"
DIMENSIONS: Final = 256

_MOST_CHARACTERS = 100_000
_BATCH = 1_024
_FREQUENT = 1e-4
_SHORTEST = 1e-9


class StaticEncoder:
    """Texts to vectors by adding up token vectors.

    Attributes:
        id: see `models.learn.encoders.Encoder`.
        dimensions: numbers a vector.
    """

    def __init__(self, folder: Path) -> None:
        try:
            told = json.loads((folder / MANIFEST).read_bytes())
            self.id, self.dimensions, seals = str(told["id"]), int(told["dimensions"]), dict(told["sha256"])
            intact = all(digest_of_file(folder / name) == seals[name] for name in (TOKENS, TOKENIZER))
            self._table = load_file(folder / TOKENS)["tokens"].astype(np.float32)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise _broken(folder) from error
        if not intact or self._table.shape[1] != self.dimensions:
            raise _broken(folder)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether a folder holds a completed distillation."""
        return (folder / MANIFEST).is_file()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, in their order.

        Returns:
            Shape (n, dimensions), each row of length 1; a text without any known token has the first unit vector.
        """
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = [encodable(text, _MOST_CHARACTERS) for text in texts[start : start + _BATCH]]
            tokens = [found.ids for found in self._tokenizer.encode_batch(batch, add_special_tokens=False)]
            ends = np.cumsum([0, *map(len, tokens)])
            ids = np.concatenate([np.asarray(each, np.int32) for each in tokens])
            counts = csr_matrix((np.ones(len(ids), np.float32), ids, ends), shape=(len(tokens), len(self._table)))
            vectors[start : start + len(batch)] = counts @ self._table
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        nothing = lengths[:, 0] < _SHORTEST
        vectors[nothing] = np.eye(1, self.dimensions, dtype=np.float32)
        lengths[nothing] = 1
        unit: NDArray[np.float32] = vectors / lengths
        return unit


def distil(source: Path, folder: Path, threads: int) -> None:
    """Make the token vectors of an exported encoder.

    Args:
        source: an encoder exported in fp32.
        folder: made here; holds token vectors, tokenizer and, last of all, the manifest.
        threads: processor threads.
    """
    encoder = OnnxEncoder(source, threads)
    seen = encoder.encode_tokens()
    known = np.linalg.norm(seen, axis=1) > 0
    components = min(DIMENSIONS, encoder.dimensions, int(known.sum()))
    table = np.zeros((len(seen), components), np.float32)
    table[known] = _main_components(seen[known], components)
    chance = 1 / np.arange(2, len(table) + 2)
    table *= (_FREQUENT / (_FREQUENT + chance / chance.sum())).astype(np.float32)[:, None]
    folder.mkdir(parents=True)
    save_file({"tokens": table.astype(np.float16)}, folder / TOKENS)
    shutil.copyfile(source / TOKENIZER, folder / TOKENIZER)
    told = {
        "id": static_id(encoder.id),
        "dimensions": components,
        "sha256": {name: digest_of_file(folder / name) for name in (TOKENS, TOKENIZER)},
    }
    (folder / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def _main_components(x: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Rows (n, d) turned to the directions in which they differ most, shape (n, count).

    As scikit-learn's PCA does it, whose import brings pandas into every process that has an encoder.
    """
    centred = x - x.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(count)])
    turned: NDArray[np.float32] = centred @ axes
    return turned


def static_id(encoder_id: str) -> str:
    """The id of the static encoder that is distilled from another, whatever its precision and windows."""
    label, at, revision = encoder_id.rpartition("@")
    return f"{label}{at}{revision.partition('/')[0]}/static"


def is_static(encoder_id: str) -> bool:
    """Whether the id is that of a static encoder."""
    return encoder_id.endswith("/static")


def _broken(folder: Path) -> Unavailable:
    return Unavailable(f"The static encoder in {folder} is broken. It must be distilled again.")
