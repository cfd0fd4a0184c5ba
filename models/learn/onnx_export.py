"""Turn a sentence-transformers model into one ONNX graph: tokens in, vectors of length 1 out.

Pooling and normalisation are part of the graph, so onnxruntime and tokenizers are enough to run it. What onnxruntime
has a single step for, attention above all, is made one: of a short text the steps between take as long as the sums.
Importing this module imports PyTorch; `encoders` does so only when an export is missing.
"""

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from onnxscript.rewriter.ort_fusions import optimize_for_ort
from sentence_transformers import SentenceTransformer

from models.errors import Unavailable
from models.learn.onnx_encoder import GRAPH, TOKENIZER, Manifest, OnnxEncoder
from models.learn.torch_encoder import UNLIMITED_TOKENS, open_transformer, prompt_of
from models.learn.weights import Weights, digest_of_file

_LOG = logging.getLogger(__name__)
MAX_BATCH: Final = 4096
WORST_COSINE: Final = 0.9999
SAME_COSINE: Final = 0.99999

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


def export(weights: Weights, folder: Path, *, fused: bool = True) -> None:
    """Export an encoder and make sure that it gives the same vectors.

    Args:
        weights: what to export.
        folder: made here; holds graph, tokenizer and, last of all, the manifest.
        fused: make one step of several where that can be done.

    Raises:
        Unavailable: the model cannot be loaded, cannot be exported, or the graph answers differently.
    """
    transformer = open_transformer(weights)
    folder.mkdir(parents=True)
    max_tokens = int(transformer.max_seq_length or UNLIMITED_TOKENS)
    tokenizer = transformer.tokenizer
    with _quiet():
        try:
            program = _program(transformer, max_tokens)
            program.save(folder / GRAPH, external_data=False)
        except (torch.onnx.OnnxExporterError, RuntimeError, KeyError, TypeError) as error:
            raise Unavailable(
                f"{weights.label} cannot be exported to ONNX ({type(error).__name__})."
                " Set WINNOW_ENCODER_RUNTIME=torch to run it with PyTorch."
            ) from error
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    manifest = Manifest(
        id=weights.id,
        dimensions=int(transformer.get_embedding_dimension() or 0),
        max_tokens=max_tokens,
        pad_id=int(tokenizer.pad_token_id or 0),
        prompt=prompt_of(transformer),
        graph_sha256=digest_of_file(folder / GRAPH),
        tokenizer_sha256=digest_of_file(folder / TOKENIZER),
    )
    manifest.write(folder)
    expected = np.asarray(transformer.encode(list(_PROBES), normalize_embeddings=True, show_progress_bar=False))
    cosine = _likeness(folder, expected)
    if cosine < WORST_COSINE:
        raise Unavailable(
            f"The ONNX export of {weights.label} gives other vectors than PyTorch (cosine {cosine:.4f})."
            " Set WINNOW_ENCODER_RUNTIME=torch to run it with PyTorch."
        )
    if fused:
        _fuse(program, manifest, folder, expected)


def _program(transformer: SentenceTransformer, max_tokens: int) -> torch.onnx.ONNXProgram:
    # Two tensors, not one twice: the exporter takes equal arguments for one input.
    ids, mask = torch.full((2, 8), 7, dtype=torch.int64), torch.ones((2, 8), dtype=torch.int64)
    sizes = {
        0: torch.export.Dim("batch", min=1, max=MAX_BATCH),
        1: torch.export.Dim("tokens", min=1, max=max_tokens),
    }
    program = torch.onnx.export(
        _Graph(transformer).eval(),
        (ids, mask),
        input_names=["input_ids", "attention_mask"],
        output_names=["vectors"],
        dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("the exporter gave nothing")
    return program


def _fuse(program: torch.onnx.ONNXProgram, manifest: Manifest, folder: Path, expected: NDArray[np.float32]) -> None:
    """Put a graph of fewer steps in the place of the one in a folder, where it can be made and answers alike."""
    fused = folder / "fused"
    fused.mkdir()
    better = None
    try:
        with _quiet():
            optimize_for_ort(program.model)
            program.save(fused / GRAPH, external_data=False)
        shutil.copyfile(folder / TOKENIZER, fused / TOKENIZER)
        made = manifest.model_copy(update={"graph_sha256": digest_of_file(fused / GRAPH)})
        made.write(fused)
        better = made if _likeness(fused, expected) >= SAME_COSINE else None
    except Exception:  # noqa: BLE001 - whatever becomes of a model that the rewriter does not know, the plain graph is right
        _LOG.info("the graph of %s is left as it was exported", manifest.id, exc_info=True)
    if better is not None:
        (fused / GRAPH).replace(folder / GRAPH)
        better.write(folder)
    shutil.rmtree(fused)


def _likeness(folder: Path, expected: NDArray[np.float32]) -> float:
    """The same texts through both, at worst; a silent difference would poison every vector."""
    found = OnnxEncoder(folder, threads=torch.get_num_threads()).encode(_PROBES)
    return float(np.sum(expected * found, axis=1).min())


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
