"""Turn an exported encoder into one with weights of eight bits.

Activations are quantised while the graph runs, by one scale for all texts of a pass. So the vector of a text would
depend on the texts beside it (a cosine of 0.98 was seen), and an answer on who else was asking. Such an encoder
therefore runs each text by itself.
"""

import logging
import shutil
from pathlib import Path
from typing import Final

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic

from models.errors import Unavailable
from models.learn.onnx_encoder import GRAPH, TOKENIZER, Manifest, OnnxEncoder
from models.learn.weights import digest_of_file

WORST_COSINE: Final = 0.95

_PROBES: Final = (
    "A short sentence.",
    "The invoice of 3 May charges me twice; please return 19.99 to my card. " * 3,
    "Grüße aus Köln, 東京 and Αθήνα!",
)


def quantise(source: Path, folder: Path, encoder_id: str) -> None:
    """Make the coarser encoder and see that it still means the same.

    Args:
        source: an encoder exported in fp32.
        folder: made here; holds graph, tokenizer and, last of all, the manifest.
        encoder_id: the id of its vectors.

    Raises:
        Unavailable: the graph cannot be quantised, or answers too differently.
    """
    folder.mkdir(parents=True)
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it advises to prepare the graph for other kinds of network
    try:
        quantize_dynamic(source / GRAPH, folder / GRAPH, weight_type=QuantType.QInt8, per_channel=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise Unavailable(
            f"The encoder in {source} cannot be quantised ({type(error).__name__})."
            " Set WINNOW_ENCODER_PRECISION=fp32 to run it as it is."
        ) from error
    finally:
        logger.setLevel(level)
    shutil.copyfile(source / TOKENIZER, folder / TOKENIZER)
    changed = {"id": encoder_id, "alone": True, "graph_sha256": digest_of_file(folder / GRAPH)}
    Manifest.read(source).model_copy(update=changed).write(folder)
    expected, found = (OnnxEncoder(one, threads=1).encode(_PROBES) for one in (source, folder))
    cosine = float(np.sum(expected * found, axis=1).min())
    if cosine < WORST_COSINE:
        raise Unavailable(
            f"In eight bits the encoder {encoder_id} gives other vectors (cosine {cosine:.4f})."
            " Set WINNOW_ENCODER_PRECISION=fp32 to run it as it is."
        )
