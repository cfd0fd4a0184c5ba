"""The encoder in eight bits: near the other one, never mixed with it, and the same for a text whoever stands beside it."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from models.errors import Unavailable
from models.learn.encoders import Encoder, load_encoder
from models.learn.onnx_encoder import GRAPH
from models.learn.weights import DEFAULT, find_weights


@pytest.fixture(scope="module")
def coarse_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="module")
def coarse(coarse_cache: Path) -> Encoder:
    return load_encoder(precision="int8", cache_dir=coarse_cache, threads=2)


def test_it_has_an_id_of_its_own(coarse: Encoder, encoder: Encoder) -> None:
    assert coarse.id == "all-MiniLM-L6-v2@53aa51172d14/int8"
    assert coarse.id != encoder.id
    assert coarse.dimensions == encoder.dimensions


def test_its_graph_stays_what_it_was_for_its_vectors_would_be_others(coarse: Encoder, coarse_cache: Path) -> None:
    assert coarse.dimensions
    (graph,) = coarse_cache.glob(f"{find_weights(DEFAULT).key}-int8-onnx/{GRAPH}")
    steps = [node.op_type for node in onnx.load(graph).graph.node]
    assert "Attention" not in steps, "it is made from the plain graph"
    assert steps.count("MatMulInteger") == 36


def test_a_text_has_the_same_vector_whoever_stands_beside_it(coarse: Encoder) -> None:
    texts = [f"{'very ' * (index % 7)}long text number {index}" for index in range(20)]
    alone = np.vstack([coarse.encode([text]) for text in texts])
    np.testing.assert_array_equal(coarse.encode(texts), alone)


def test_it_means_nearly_the_same(coarse: Encoder, encoder: Encoder) -> None:
    texts = ["I was charged twice", "How do I reset my password?", "The match ended in a draw"]
    assert float((coarse.encode(texts) * encoder.encode(texts)).sum(axis=1).min()) > 0.95


def test_pytorch_has_no_such_precision(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="fp32 only"):
        load_encoder(runtime="torch", precision="int8", cache_dir=tmp_path)
