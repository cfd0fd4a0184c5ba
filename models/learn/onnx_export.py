"""Turn a sentence-transformers model into one ONNX graph: tokens in, vectors of length 1 out.

Pooling and normalisation are part of the graph, so onnxruntime and tokenizers are enough to run it.
Importing this module imports PyTorch; `encoders` does so only when an export is missing.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from models.errors import Unavailable
from models.learn.onnx_encoder import GRAPH, TOKENIZER, Manifest, OnnxEncoder
from models.learn.torch_encoder import UNLIMITED_TOKENS, open_transformer, prompt_of
from models.learn.weights import Weights, digest_of_file

MAX_BATCH: Final = 4096
WORST_COSINE: Final = 0.9999

_PROBES: Final = (
    "",
    "A short sentence.",
    "The invoice of 3 May charges me twice; please return 19.99 to my card. " * 3,
    "Grüße aus Köln, 東京 and Αθήνα!",
    "word " * 2000,
)


class _Graph(torch.nn.Module):
    """What is exported: transformer, pooling and normalisation in one."""

    def __init__(self, transformer: SentenceTransformer) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Tokens and their mask, both (batch, tokens), to vectors (batch, dimensions)."""
        found = self.transformer({"input_ids": input_ids, "attention_mask": attention_mask})
        return torch.nn.functional.normalize(found["sentence_embedding"], dim=-1)


def export(weights: Weights, folder: Path) -> None:
    """Export an encoder and make sure that it gives the same vectors.

    Args:
        weights: what to export.
        folder: made here; holds graph, tokenizer and, last of all, the manifest.

    Raises:
        Unavailable: the model cannot be loaded, cannot be exported, or the graph answers differently.
    """
    transformer = open_transformer(weights)
    folder.mkdir(parents=True)
    max_tokens = int(transformer.max_seq_length or UNLIMITED_TOKENS)
    tokenizer = transformer.tokenizer
    with _quiet():
        try:
            _write_graph(transformer, max_tokens, folder / GRAPH)
        except (torch.onnx.OnnxExporterError, RuntimeError, KeyError, TypeError) as error:
            raise Unavailable(
                f"{weights.label} cannot be exported to ONNX ({type(error).__name__})."
                " Set WINNOW_ENCODER_RUNTIME=torch to run it with PyTorch."
            ) from error
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    Manifest(
        id=weights.id,
        dimensions=int(transformer.get_embedding_dimension() or 0),
        max_tokens=max_tokens,
        pad_id=int(tokenizer.pad_token_id or 0),
        prompt=prompt_of(transformer),
        graph_sha256=digest_of_file(folder / GRAPH),
        tokenizer_sha256=digest_of_file(folder / TOKENIZER),
    ).write(folder)
    _compare(transformer, folder, weights.label)


def _write_graph(transformer: SentenceTransformer, max_tokens: int, path: Path) -> None:
    # Two tensors, not one twice: the exporter takes equal arguments for one input.
    ids, mask = torch.full((2, 8), 7, dtype=torch.int64), torch.ones((2, 8), dtype=torch.int64)
    sizes = {
        0: torch.export.Dim("batch", min=1, max=MAX_BATCH),
        1: torch.export.Dim("tokens", min=1, max=max_tokens),
    }
    torch.onnx.export(
        _Graph(transformer).eval(),
        (ids, mask),
        path,
        input_names=["input_ids", "attention_mask"],
        output_names=["vectors"],
        dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def _compare(transformer: SentenceTransformer, folder: Path, label: str) -> None:
    """The same texts through both; a silent difference would poison every vector."""
    expected = transformer.encode(list(_PROBES), normalize_embeddings=True, show_progress_bar=False)
    found = OnnxEncoder(folder, threads=torch.get_num_threads()).encode(_PROBES)
    cosine = float(np.sum(np.asarray(expected) * found, axis=1).min())
    if cosine < WORST_COSINE:
        raise Unavailable(
            f"The ONNX export of {label} gives other vectors than PyTorch (cosine {cosine:.4f})."
            " Set WINNOW_ENCODER_RUNTIME=torch to run it with PyTorch."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns about its own insides; none of it is for the operator."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
