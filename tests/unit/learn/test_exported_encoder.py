"""An encoder that was exported elsewhere, as the images have it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.errors import Unavailable
from models.learn.encoders import DEFAULT, Encoder, exported_name, load_encoder
from models.learn.onnx_encoder import GRAPH, MANIFEST, TOKENIZER
from models.learn.weights import find_weights


def exported(cache: Path) -> Path:
    return next(path.parent for path in cache.glob(f"*/{MANIFEST}"))


def test_a_folder_with_an_exported_encoder_is_used_as_it_is(
    encoder: Encoder, encoder_cache: Path, tmp_path: Path
) -> None:
    own = load_encoder(str(exported(encoder_cache)), cache_dir=tmp_path / "never", threads=1)
    assert own.id == encoder.id
    np.testing.assert_allclose(own.encode(["a parcel"]), encoder.encode(["a parcel"]), atol=1e-5)
    assert not (tmp_path / "never").exists()


@pytest.mark.usefixtures("encoder")
def test_an_exported_encoder_that_was_changed_is_refused(encoder_cache: Path, tmp_path: Path) -> None:
    for path in exported(encoder_cache).iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes() + (b" " if path.name == "tokenizer.json" else b""))
    with pytest.raises(Unavailable):
        load_encoder(str(tmp_path), cache_dir=tmp_path / "never", threads=1)


@pytest.mark.parametrize("broken", [GRAPH, TOKENIZER, MANIFEST])
def test_a_broken_encoder_of_the_cache_is_made_anew(
    encoder: Encoder, encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    whole = exported(encoder_cache)
    monkeypatch.setattr(
        "models.learn.encoders._export", lambda _weights, _precision, folder: shutil.copytree(whole, folder)
    )
    kept = shutil.copytree(whole, tmp_path / exported_name(find_weights(DEFAULT), "fp32"))
    content = bytearray((kept / broken).read_bytes())
    (kept / broken).write_bytes(content[: len(content) // 2])
    np.testing.assert_array_equal(
        load_encoder(cache_dir=tmp_path, threads=1).encode(["a parcel"]), encoder.encode(["a parcel"])
    )
    assert (kept / broken).read_bytes() == (whole / broken).read_bytes()


@pytest.mark.usefixtures("encoder")
def test_a_broken_encoder_stays_where_none_can_be_made(
    encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise Unavailable("the weights are not there")

    monkeypatch.setattr("models.learn.encoders._export", cannot)
    kept = shutil.copytree(exported(encoder_cache), tmp_path / exported_name(find_weights(DEFAULT), "fp32"))
    (kept / TOKENIZER).write_bytes(b"{}")
    with pytest.raises(Unavailable, match="the weights are not there"):
        load_encoder(cache_dir=tmp_path, threads=1)
    assert (kept / TOKENIZER).read_bytes() == b"{}"
    assert {one.name for one in tmp_path.iterdir()} == {kept.name, f"{kept.name}.lock"}
