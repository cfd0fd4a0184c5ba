"""Which encoders a process has: the settings' own, and the quick one beside it, each loaded when first wanted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models.encoders import Encoders
from models.learn.encoders import Encoder
from models.learn.static_encoder import is_static, static_id
from models.settings import Settings


class Stub:
    """An encoder by its id."""

    dimensions = 3

    def __init__(self, name: str) -> None:
        self.id = name

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), self.dimensions), np.float32)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runtimes of the encoders that were loaded."""
    found: list[str] = []

    def load(_name: str, *, runtime: str, **_more: object) -> Encoder:
        found.append(runtime)
        return Stub("model@1/static" if runtime == "static" else "model@1/fp32")

    monkeypatch.setattr("models.encoders.load_encoder", load)
    return found


@pytest.mark.parametrize("full", ["model@1/fp32", "model@1/int8", "model@1/fp32/4w"])
def test_the_quick_encoder_is_the_same_at_any_precision_and_number_of_windows(full: str) -> None:
    assert static_id(full) == "model@1/static"
    assert is_static(static_id(full))
    assert not is_static(full)


def test_each_is_loaded_once_and_when_it_is_wanted(asked: list[str], tmp_path: Path) -> None:
    watched: list[str] = []

    def watch(encoder: Encoder) -> Encoder:
        watched.append(encoder.id)
        return encoder

    encoders = Encoders(Settings(data_dir=tmp_path), watch=watch)
    assert not asked
    own = encoders.named("model@1/fp32")
    assert own is encoders.own
    assert asked == ["onnx"]
    assert encoders.named("another@1/static") is None
    assert asked == ["onnx"]
    quick = encoders.named("model@1/static")
    assert quick is not None
    assert quick is encoders.quick
    assert asked == ["onnx", "static"]
    assert watched == ["model@1/fp32", "model@1/static"]


@pytest.mark.parametrize("runtime", ["torch", "static"])
def test_what_cannot_be_distilled_or_is_quick_itself_has_no_quick_one(
    asked: list[str], tmp_path: Path, runtime: str
) -> None:
    encoders = Encoders(Settings(data_dir=tmp_path, encoder_runtime=runtime))
    assert encoders.quick is None
    assert encoders.named("model@1/static") is (encoders.own if runtime == "static" else None)
    assert asked == [runtime]


def test_one_that_is_given_has_none_beside_it_but_what_is_given(asked: list[str], tmp_path: Path) -> None:
    own, quick = Stub("model@1/fp32"), Stub("model@1/static")
    assert Encoders(Settings(data_dir=tmp_path), own).quick is None
    assert Encoders(Settings(data_dir=tmp_path), own, quick).named(quick.id) is quick
    assert asked == []


def test_one_that_belongs_to_another_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.encoders.load_encoder", lambda *_, **_more: Stub("stand-in/words"))
    encoders = Encoders(Settings(data_dir=tmp_path))
    assert encoders.quick is None
    assert encoders.named("stand-in/words") is encoders.own
