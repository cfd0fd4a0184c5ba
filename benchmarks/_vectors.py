"""Labelled files as vectors, kept from one run to the next."""

import csv
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.learn.encoders import Encoder
from models.learn.text import compose, fingerprint


@dataclass(frozen=True)
class Labelled:
    """A labelled file; `truth` are indices into `names`, whose vectors are `prototypes`."""

    name: str
    x: NDArray[np.float32]
    truth: NDArray[np.int64]
    names: list[str]
    prototypes: NDArray[np.float32]

    @property
    def classes(self) -> NDArray[np.int64]:
        """The categories' ids."""
        return np.arange(len(self.names), dtype=np.int64)


def read(path: Path, encoder: Encoder, cache: Path, *, most: int, seed: int = 0) -> Labelled:
    """Read at most so many different texts of a file, drawn at random, and encode them.

    Args:
        cache: a folder for vectors; what is in it is not encoded again.
    """
    rows = different(path)
    order = np.random.default_rng(seed).permutation(len(rows))[:most]
    chosen = [rows[place] for place in order.tolist()]
    names = sorted({row["label"] for row in rows})
    column = {name: place for place, name in enumerate(names)}
    return Labelled(
        path.stem,
        encoded([row["text"] for row in chosen], encoder, cache / path.stem),
        np.asarray([column[row["label"]] for row in chosen], np.int64),
        names,
        encoded([compose(name) for name in names], encoder, cache / path.stem),
    )


def different(path: Path) -> list[dict[str, str]]:
    """The rows of a file with a text and a label; of texts that are the same but for case and white space the last."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := {"text", "label"} - set(reader.fieldnames or ()):
            raise SystemExit(f"{path} has no column {' and '.join(sorted(missing))}: text and label are needed.")
        rows = [row for row in reader if row["text"] and row["text"].strip() and row["label"]]
    return list({fingerprint(row["text"]): row for row in rows}.values())


def encoded(texts: list[str], encoder: Encoder, cache: Path) -> NDArray[np.float32]:
    """Vectors (n, d) of texts; those that a file of the cache has are not computed again.

    Args:
        cache: the path of this collection's file, without its ending.
    """
    keys = [
        hashlib.blake2b(f"{encoder.id}\0{text}".encode(errors="replace"), digest_size=16).digest() for text in texts
    ]
    path = cache.with_suffix(".npz")
    known: dict[bytes, Any] = {}
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            known = dict(zip(map(bytes, kept["keys"]), kept["vectors"], strict=True))
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        known |= dict(zip(new, encoder.encode(list(new.values())).astype(np.float16), strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            part, keys=np.frombuffer(b"".join(known), np.uint8).reshape(-1, 16), vectors=np.stack([*known.values()])
        )
        part.replace(path)
    return np.stack([known[key] for key in keys]).astype(np.float32)
