"""An encoder that was exported elsewhere, as the images have it."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import Unavailable
from models.learn.encoders import Encoder, load_encoder
from models.learn.onnx_encoder import MANIFEST


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
