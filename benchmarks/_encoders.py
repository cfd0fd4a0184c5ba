"""Which encoder is the quickest, and whether a head learns as well from its vectors."""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._turns import Rows, Size, batches, fresh, spread
from models.learn.audit import exact_interval
from models.learn.encoders import Encoder, EncoderRuntime, load_encoder
from models.learn.text import compose
from models.learn.training import fit_head
from models.learn.weights import Precision

ENCODERS: tuple[tuple[EncoderRuntime, Precision], ...] = (("torch", "fp32"), ("onnx", "fp32"), ("onnx", "int8"))


def compared(cache: Path, rows: Rows, size: Size) -> list[dict[str, Any]]:
    """Each encoder's speed by turns, and the accuracy of a head trained on its vectors."""
    loaded: list[tuple[str, Encoder]] = []
    for runtime, precision in ENCODERS:
        encoder = load_encoder(runtime=runtime, precision=precision, cache_dir=cache, threads=2)
        loaded.append((f"{runtime} {precision}", encoder))
    texts = fresh(rows)
    times: dict[str, list[float]] = {name: [] for name, _ in loaded}
    rates: dict[str, list[float]] = {name: [] for name, _ in loaded}
    for _ in range(size.turns):
        for name, encoder in loaded:
            rates[name].append(batches(encoder.encode, texts, size.seconds / 2))
            for _ in range(size.singles // 2):
                began = time.perf_counter()
                encoder.encode([next(texts)])
                times[name].append((time.perf_counter() - began) * 1000)
    learn, test = rows[: size.learn], rows[size.learn : size.learn + size.test]
    labels = sorted({label for _, label in learn})
    known = [row for row in test if row[1] in labels]
    found = []
    for name, encoder in loaded:
        right = correct(encoder, learn, known, labels)
        low, high = exact_interval(right, len(known))
        found.append(
            {
                "encoder": name,
                "id": encoder.id,
                "one_text_ms": spread(times[name]),
                "texts_a_second": round(statistics.median(rates[name]), 1),
                "accuracy": round(right / len(known), 4),
                "low": round(low, 4),
                "high": round(high, 4),
                "decisions": len(learn),
                "test": len(known),
            }
        )
    return found


def correct(encoder: Encoder, learn: Rows, test: Rows, labels: list[str]) -> int:
    """How many test rows a head gets right that was trained on this encoder's vectors."""
    ids = np.arange(1, len(labels) + 1, dtype=np.int64)
    id_of = dict(zip(labels, ids.tolist(), strict=True))
    x = encoder.encode([text for text, _ in learn]).astype(np.float16).astype(np.float32)
    y = np.asarray([id_of[label] for _, label in learn], np.int64)
    head = fit_head(x, y, encoder.encode([compose(label) for label in labels]), ids).head
    said = head.predict(encoder.encode([text for text, _ in test]))
    return int((said == np.asarray([id_of[label] for _, label in test])).sum())
