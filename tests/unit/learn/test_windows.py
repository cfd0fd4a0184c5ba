"""Long texts are read whole: in pieces, whose vectors are pooled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.learn.encoders import Encoder, load_encoder
from models.learn.text import cut
from models.learn.windows import Cutting, Windowed, windowed

LONG = "The goalkeeper saved a penalty in the last minute of the match. " * 40
TURN = LONG + "Shares fell after the bank warned of lower profits this year. " * 40


@pytest.fixture(scope="module")
def plain(encoder_cache: Path, encoder: Encoder) -> Encoder:
    del encoder  # it is exported now
    return load_encoder(cache_dir=encoder_cache, threads=1)


@pytest.fixture(scope="module")
def whole(plain: Encoder) -> Encoder:
    return windowed(plain, 4)


def test_what_lies_behind_the_first_window_is_read(plain: Encoder, whole: Encoder) -> None:
    football, turned = plain.encode([LONG, TURN])
    assert np.allclose(football, turned, atol=1e-5)  # the window ends before the turn
    football, turned = whole.encode([LONG, TURN])
    assert football @ turned < 0.95


def test_a_long_text_is_the_mean_of_its_windows(plain: Encoder, whole: Encoder) -> None:
    assert isinstance(plain, Cutting)
    pieces = plain.pieces(TURN, 4)
    assert len(pieces) == 4
    assert TURN.startswith(pieces[0])
    assert all(piece in TURN for piece in pieces)
    mean = plain.encode(pieces).mean(axis=0)
    assert np.allclose(whole.encode([TURN])[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_nothing_is_between_the_pieces(plain: Encoder) -> None:
    assert isinstance(plain, Cutting)
    pieces = plain.pieces(TURN, 64)
    assert " ".join(" ".join(pieces).split()) == " ".join(TURN.split())


def test_short_texts_and_none_are_left_alone(plain: Encoder, whole: Encoder) -> None:
    short = ["a goal in the last minute", "", "x" * 200]
    assert (whole.encode(short) == plain.encode(short)).all()
    assert whole.encode([]).shape == (0, plain.dimensions)
    mixed = whole.encode(["a goal in the last minute", TURN, "", TURN])
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-5)
    assert (mixed[1] == mixed[3]).all()
    assert np.allclose(mixed[[0, 2]], plain.encode(["a goal in the last minute", ""]), atol=1e-5)


def test_no_text_is_too_odd_to_be_cut(whole: Encoder) -> None:
    odd = ["\ud800" * 3000, "\N{PILE OF POO}" * 3000, "\x00 \n" * 3000, "\u202e" * 3000, "w" * 100_000]
    vectors = whole.encode(odd)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_its_vectors_never_meet_others(plain: Encoder, whole: Encoder) -> None:
    assert whole.id == f"{plain.id}/4w"
    assert windowed(plain, 1) is plain


def test_an_encoder_without_a_window_is_left_alone() -> None:
    class Whole:
        id, dimensions = "whole", 2

        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.ones((len(texts), 2), np.float32)

    encoder = Whole()
    assert windowed(encoder, 4) is encoder


def test_pytorch_cuts_where_onnx_does(tmp_path: Path, plain: Encoder) -> None:
    pytorch = load_encoder(runtime="torch", cache_dir=tmp_path, threads=1)
    assert isinstance(pytorch, Cutting)
    assert isinstance(plain, Cutting)
    assert pytorch.pieces(TURN, 3) == plain.pieces(TURN, 3)
    assert np.allclose(Windowed(pytorch, 3).encode([TURN]), Windowed(plain, 3).encode([TURN]), atol=1e-4)


def test_pieces_end_where_tokens_do() -> None:
    spans = [(0, 2), (3, 5), (6, 8), (9, 11), (12, 14)]
    assert cut("ab cd ef gh ij", spans, 2) == ["ab cd", "ef gh", "ij"]
    assert cut("ab cd ef gh ij", spans, 5) == ["ab cd ef gh ij"]
