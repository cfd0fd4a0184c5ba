"""The static encoder: distilled from the real one, an encoder of its own, alike in what it finds alike."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from models.errors import Unavailable
from models.learn.encoders import Encoder, load_encoder
from models.learn.onnx_encoder import TOKENIZER, OnnxEncoder
from models.learn.static_encoder import TOKENS, StaticEncoder, distil, static_id

ALIKE = ("my card was charged twice", "a double payment on my credit card", "the striker scored in the second half")


@pytest.fixture(scope="module")
def folder(encoder: Encoder, encoder_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Distilled from the real encoder, of the words used here and some others: all of them would take half a minute."""
    cache = tmp_path_factory.mktemp("encoders")
    source = next(one for one in encoder_cache.glob("*-fp32-onnx") if OnnxEncoder.is_there(one))
    tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
    used = {one for text in (*ALIKE, "a long very word 0 1 2 3 4 5 6 7 8 9") for one in tokenizer.encode(text).ids}
    used |= set(range(2_000, 3_000))
    run = OnnxEncoder._run

    def some(self: OnnxEncoder, tokens: list[list[int]]) -> np.ndarray:
        vectors = np.zeros((len(tokens), self.dimensions), np.float32)
        places = [place for place, one in enumerate(tokens) if one[1] in used]
        if places:
            vectors[places] = run(self, [tokens[place] for place in places])
        return vectors

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxEncoder, "_run", some)
        made = load_encoder(str(source), runtime="static", cache_dir=cache, threads=2)
    assert made.id == static_id(encoder.id)
    (folder,) = (one for one in cache.iterdir() if one.is_dir())
    return folder


@pytest.fixture(scope="module")
def static(folder: Path) -> StaticEncoder:
    return StaticEncoder(folder)


def test_it_has_an_id_of_its_own(static: StaticEncoder, encoder: Encoder) -> None:
    assert static.id == "all-MiniLM-L6-v2@53aa51172d14/static"
    assert static.id != encoder.id
    assert static.dimensions == 256


def test_vectors_have_length_one_whatever_the_text_and_whoever_stands_beside_it(static: StaticEncoder) -> None:
    texts = ["", "   ", "🙂", "\ud800", "a", "word " * 30_000, *(f"{'very ' * (n % 7)}long {n}" for n in range(2_000))]
    vectors = static.encode(texts)
    assert vectors.shape == (len(texts), 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(vectors[:50], np.vstack([static.encode([text]) for text in texts[:50]]))
    assert static.encode([]).shape == (0, 256)


def test_it_knows_what_is_alike(static: StaticEncoder) -> None:
    asked, near, far = static.encode(ALIKE)
    assert asked @ near > asked @ far + 0.1


def test_a_folder_is_loaded_as_it_is_and_refused_when_it_was_changed(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert load_encoder(str(copy), runtime="static", cache_dir=tmp_path).id.endswith("/static")
    content = bytearray((copy / TOKENS).read_bytes())
    content[-1] ^= 1
    (copy / TOKENS).write_bytes(content)
    with pytest.raises(Unavailable, match="broken"):
        load_encoder(str(copy), runtime="static", cache_dir=tmp_path)


def test_to_distil_again_gives_the_same(
    folder: Path, encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a part of the vocabulary, which takes a moment."""
    source = next(one for one in encoder_cache.glob("*-fp32-onnx") if OnnxEncoder.is_there(one))
    seen = np.random.default_rng(0).standard_normal((3_000, 384), np.float32)
    seen[:5] = 0
    monkeypatch.setattr(OnnxEncoder, "encode_tokens", lambda _self: seen)
    for name in ("one", "two"):
        distil(source, tmp_path / name, threads=1)
    assert (tmp_path / "one" / TOKENS).read_bytes() == (tmp_path / "two" / TOKENS).read_bytes()
    assert folder.is_dir()


def test_special_tokens_say_nothing(encoder_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = next(one for one in encoder_cache.glob("*-fp32-onnx") if OnnxEncoder.is_there(one))
    encoder = OnnxEncoder(source, threads=1)
    asked: list[list[int]] = []

    def run(tokens: list[list[int]]) -> np.ndarray:
        asked.extend(tokens)
        return np.ones((len(tokens), encoder.dimensions), np.float32)

    monkeypatch.setattr(encoder, "_run", run)
    vectors = encoder.encode_tokens()
    assert {tuple(one[::2]) for one in asked} == {(101, 102)}  # each token alone, between those that begin and end
    assert not vectors[[0, 1, 100, 101, 102, 103]].any()
    assert vectors[104:].any(axis=1).sum() == len(asked) > 28_000
