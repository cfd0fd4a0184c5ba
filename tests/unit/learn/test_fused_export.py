"""A graph of fewer steps takes the place of the one that was exported only where it can be made and answers alike."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.learn.encoders import Encoder
from models.learn.onnx_encoder import GRAPH, MANIFEST, TOKENIZER, Manifest, OnnxEncoder


@pytest.fixture
def folder(encoder: Encoder, encoder_cache: Path, tmp_path: Path) -> Path:
    assert encoder.dimensions
    source = next(one for one in encoder_cache.glob("*-fp32-onnx") if OnnxEncoder.is_there(one))
    return Path(shutil.copytree(source, tmp_path / "exported"))


def fuse(monkeypatch: pytest.MonkeyPatch, folder: Path, save: Callable[[Path], Any], likeness: float = 1.0) -> None:
    """Fuse a program that is saved like this; of its vectors a little, or all, is other than expected."""
    from models.learn import onnx_export  # with it comes PyTorch, which each process that collects tests would load

    monkeypatch.setattr(onnx_export, "optimize_for_ort", lambda model: model)
    program: Any = SimpleNamespace(model=None, save=lambda path, **_: save(path))
    expected = np.float32(likeness) * OnnxEncoder(folder, threads=2).encode(onnx_export._PROBES)
    onnx_export._fuse(program, Manifest.read(folder), folder, expected)


def state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def another(folder: Path) -> bytes:
    """The same graph, told apart by a last field that no reader knows."""
    return (folder / GRAPH).read_bytes() + b"\xfa\x7f\x01x"


def test_a_graph_that_answers_alike_is_taken(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    wanted = another(folder)
    fuse(monkeypatch, folder, lambda path: path.write_bytes(wanted))
    assert (folder / GRAPH).read_bytes() == wanted
    assert {path.name for path in folder.iterdir()} == {GRAPH, TOKENIZER, MANIFEST}
    assert OnnxEncoder(folder, threads=1).encode(["a"]).shape == (1, 384), "the manifest is the new graph's"


@pytest.mark.parametrize("likeness", [0.9999, -1.0])
def test_one_that_answers_otherwise_is_not(monkeypatch: pytest.MonkeyPatch, folder: Path, likeness: float) -> None:
    before, wanted = state(folder), another(folder)
    fuse(monkeypatch, folder, lambda path: path.write_bytes(wanted), likeness)
    assert state(folder) == before


def test_one_that_cannot_be_read_is_not(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    before = state(folder)
    fuse(monkeypatch, folder, lambda path: path.write_bytes(b"nothing"))
    assert state(folder) == before


def test_a_rewriter_that_fails_leaves_the_plain_graph(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def fail(_path: Path) -> None:
        raise ValueError("no such model")

    before = state(folder)
    fuse(monkeypatch, folder, fail)
    assert state(folder) == before
