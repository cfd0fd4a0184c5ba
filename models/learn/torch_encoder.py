"""An encoder on PyTorch, for models that cannot be exported; importing this imports PyTorch."""

from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from models.errors import Unavailable
from models.learn.onnx_encoder import CHARACTERS_PER_TOKEN
from models.learn.text import cut, encodable
from models.learn.weights import Weights

UNLIMITED_TOKENS = 8192
_BATCH = 16


def open_transformer(weights: Weights) -> SentenceTransformer:
    """Load weights as sentence-transformers does, from local files only and without progress bars.

    Raises:
        Unavailable: the folder holds no sentence-transformers model.
    """
    disable_progress_bar()
    try:
        opened = SentenceTransformer(str(weights.folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise Unavailable(
            f"{weights.folder} cannot be loaded as a sentence-transformers model ({type(error).__name__})."
            " Name another encoder in WINNOW_ENCODER."
        ) from error
    opened.eval()
    return opened


def prompt_of(transformer: SentenceTransformer) -> str:
    """Words that this model wants before every text; mostly none."""
    name = transformer.default_prompt_name
    return str(transformer.prompts.get(name) or "") if name else ""


class TorchEncoder:
    """Texts to vectors with PyTorch.

    Attributes:
        id: see `models.learn.encoders.Encoder`.
        dimensions: numbers a vector.
    """

    def __init__(self, weights: Weights, threads: int) -> None:
        self.id = weights.id
        self._transformer = open_transformer(weights)
        self.dimensions = int(self._transformer.get_embedding_dimension() or 0)
        tokens = self._transformer.max_seq_length or UNLIMITED_TOKENS
        self._limit = tokens * CHARACTERS_PER_TOKEN
        self._window = tokens - len(self._transformer.tokenizer(prompt_of(self._transformer))["input_ids"])
        self._lock = Lock()  # one call takes all threads anyway; its tokenizer is not safe to share
        torch.set_num_threads(threads)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; equal ones only once.

        Returns:
            Shape (n, dimensions), in the order of `texts`, each row of length 1.
        """
        rows: dict[str, int] = {}
        order = [rows.setdefault(encodable(text, self._limit), len(rows)) for text in texts]
        if not order:
            return np.empty((0, self.dimensions), dtype=np.float32)
        with self._lock:
            vectors = self._transformer.encode(
                list(rows), batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)[order]

    def pieces(self, text: str, most: int) -> list[str]:
        """The text cut where the window ends; at least one piece and at most `most`."""
        if len(text) <= self._window:  # no token is shorter than a character
            return [text]
        whole = encodable(text, self._limit * most)
        told = {"add_special_tokens": False, "return_offsets_mapping": True, "verbose": False}
        with self._lock:
            spans = self._transformer.tokenizer(whole, **told)["offset_mapping"]
        return cut(whole, spans, self._window)[:most]
