import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import pytest

from models.errors import Unavailable
from models.learn.encoders import Encoder, exported_name, load_encoder
from models.learn.onnx_encoder import GRAPH, MANIFEST, TOKENIZER, OnnxEncoder
from models.learn.weights import DEFAULT, find_weights

TEXTS = [
    "I was charged twice for the same order",
    "",
    "How do I reset my password?",
    "The referee blew the whistle and the match was over. " * 40,
    "Grüße aus Köln, 東京",
    "How do I reset my password?",
]


def test_the_id_names_weights_revision_and_precision(encoder: Encoder):
    assert encoder.id == "all-MiniLM-L6-v2@53aa51172d14/fp32"
    assert encoder.dimensions == 384


def test_vectors_have_length_one(encoder: Encoder):
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_text_gives_no_vector(encoder: Encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_order_is_kept_whatever_the_batch(encoder: Encoder):
    texts = [f"{'very ' * (index % 7)}long text number {index}" for index in range(40)]
    together = encoder.encode(texts)
    backwards = encoder.encode(texts[::-1])[::-1]
    alone = np.vstack([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, backwards, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_meaning_is_near_and_other_meaning_is_far(encoder: Encoder):
    charged, billed, match = encoder.encode(
        ["I was charged twice", "My card was billed two times", "The match ended in a draw"]
    )
    assert charged @ billed > 0.5
    assert charged @ match < 0.3


def test_a_hundred_thousand_characters_and_a_lone_surrogate_are_taken(encoder: Encoder):
    vectors = encoder.encode(["word " * 20_000, "\ud800 broken", "\x00"])
    assert np.isfinite(vectors).all()


def test_what_lies_behind_the_last_token_is_not_seen(encoder: Encoder):
    head = "the invoice is wrong " * 100
    np.testing.assert_allclose(encoder.encode([head])[0], encoder.encode([head + "football " * 500])[0], atol=1e-5)


def test_several_threads_may_encode_at_once(encoder: Encoder):
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(encoder.encode, [TEXTS] * 12):
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_its_threads_rest_once_a_pass_is_over(encoder: Encoder, encoder_cache: Path):
    assert encoder.dimensions
    plain = load_encoder(cache_dir=encoder_cache, threads=2)
    used = []
    for number in range(10):
        plain.encode([f"parcel {number}"])
        before = time.process_time()
        time.sleep(0.05)
        used.append(time.process_time() - before)
    # The middle one: what else this process has to do counts too, and may fall into some of them.
    assert median(used) < 0.005, "seconds of the processor, in 50 ms in which nothing was asked"


def test_both_runtimes_give_the_same_vectors_and_the_same_id(encoder: Encoder, tmp_path: Path):
    messages: list[str] = []
    pytorch = load_encoder(runtime="torch", cache_dir=tmp_path, threads=1, progress=messages.append)
    assert pytorch.id == encoder.id
    assert pytorch.dimensions == encoder.dimensions
    assert pytorch.encode([]).shape == (0, 384)
    np.testing.assert_allclose(pytorch.encode(TEXTS), encoder.encode(TEXTS), atol=1e-4)
    assert messages


def test_a_fresh_export_is_whole_and_clears_away_what_killed_ones_left(tmp_path: Path):
    name = exported_name(find_weights(DEFAULT), "fp32")
    for left_over in (name, f".{name}-killed"):
        (tmp_path / "made" / left_over).mkdir(parents=True)
        (tmp_path / "made" / left_over / GRAPH).write_bytes(b"half")
    messages: list[str] = []
    encoder = load_encoder(cache_dir=tmp_path / "made", threads=2, progress=messages.append)
    assert any("once" in message for message in messages)
    (folder,) = [path for path in (tmp_path / "made").iterdir() if path.is_dir()]
    assert {path.name for path in folder.iterdir()} == {GRAPH, TOKENIZER, MANIFEST}
    assert encoder.encode(["a"]).shape == (1, 384)
    steps = [node.op_type for node in onnx.load(folder / GRAPH).graph.node]
    assert steps.count("Attention") == 6, "a layer's attention is one step"
    assert "Softmax" not in steps


def test_an_exported_encoder_needs_no_pytorch(encoder: Encoder, encoder_cache: Path):
    assert encoder.dimensions
    code = (
        "import sys; from pathlib import Path; from models.learn.encoders import load_encoder;"
        "load_encoder(cache_dir=Path(sys.argv[1]), threads=1).encode(['a']);"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(encoder_cache)], capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_folder_that_cannot_be_written_is_said_to_be_one(tmp_path: Path):
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="cannot be kept in"):
        load_encoder(cache_dir=tmp_path / "taken")


@pytest.mark.parametrize("name", [GRAPH, TOKENIZER])
def test_a_changed_file_is_refused(encoder: Encoder, encoder_cache: Path, tmp_path: Path, name: str):
    assert encoder.dimensions
    unfinished = shutil.ignore_patterns(".*")  # of another test, beside this one
    shutil.copytree(encoder_cache, tmp_path, ignore=unfinished, dirs_exist_ok=True)
    (changed,) = tmp_path.glob(f"*/{name}")
    with changed.open("r+b") as file:
        file.seek(100)
        file.write(b"!!")
    with pytest.raises(Unavailable, match=name):
        OnnxEncoder(changed.parent, threads=1)


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path):
    (tmp_path / MANIFEST).write_text("{}")
    with pytest.raises(Unavailable, match="manifest"):
        OnnxEncoder(tmp_path, threads=1)


def test_the_default_weights_are_the_official_ones():
    weights = find_weights(DEFAULT)
    assert weights.revision == "53aa51172d14"
    assert find_weights(f"sentence-transformers/{DEFAULT}") == weights


def test_a_folder_of_weights_has_a_revision_that_follows_its_content(tmp_path: Path):
    folder = tmp_path / "my encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    before = find_weights(str(folder))
    (folder / "config.json").write_text('{"a": 1}')
    after = find_weights(str(folder))
    assert before.label == after.label == "my encoder"
    assert before.id != after.id
    assert " " not in after.key


def test_a_folder_without_a_transformer_is_said_to_be_none(tmp_path: Path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(Unavailable, match="WINNOW_ENCODER"):
        load_encoder(str(folder), runtime="torch", cache_dir=tmp_path)


def test_an_unknown_name_is_said_to_be_unknown():
    code = (
        "from models.errors import Unavailable\nfrom models.learn.weights import find_weights\n"
        "try: find_weights('no-such-encoder')\nexcept Unavailable as error: print(error.detail)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert "neither a folder nor could it be fetched as 'sentence-transformers/no-such-encoder'" in done.stdout
