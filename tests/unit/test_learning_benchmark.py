"""The figures that other programs read from `benchmarks.learning`, in the quick form, on a made-up collection."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from benchmarks._collections import Collection


@pytest.fixture
def blobs() -> Collection:
    """Five hundred and twenty texts in three categories that are told apart easily, a hundred of them to measure on."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 16), dtype=np.float32)
    truth = rng.integers(0, 3, 620)
    x = centres[truth] + 1.2 * rng.standard_normal((620, 16), dtype=np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    member = np.eye(3, dtype=np.bool_)[truth]
    words = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return Collection(
        "blobs", x[:520], member[:520], x[520:], member[520:], ["a", "b", "c"], words, several=False, texts=620
    )


def test_each_collection_has_the_figures_that_are_promised(blobs: Collection):
    # With it come scikit-learn and PyTorch, which each process that collects tests would load.
    from benchmarks.learning import QUICK, sets

    small = replace(QUICK, stops=(0, 20, 100, 300, 500), peers=("margin",))
    with ThreadPoolExecutor(1) as work:
        found = sets(work, [blobs], small, range(1))["blobs"]
    assert {"winnow", "random", "peer"} <= found["labels_to_90"].keys()
    assert {"0", "100", "500"} <= found["accuracy_at"].keys()
    assert found["labels_to_90"]["winnow"] <= found["labels_to_90"]["random"]  # names alone tell these apart
    assert found["accuracy_at"]["500"] > 0.8
    assert 0 < found["calibration_error"] < 0.3
