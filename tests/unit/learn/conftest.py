"""What the tests of `models.learn` share: the real encoder, exported once and kept between runs."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.learn.encoders import Encoder, load_encoder


@pytest.fixture(scope="session")
def encoder_cache(request: pytest.FixtureRequest) -> Path:
    """A folder that outlives the run; its content is checked by hash at every load."""
    if request.config.cache is None:
        pytest.fail("these tests need pytest's cache provider")
    return request.config.cache.mkdir("encoders")


@pytest.fixture(scope="session")
def encoder(encoder_cache: Path) -> Encoder:
    """The default encoder with its real weights."""
    return load_encoder(cache_dir=encoder_cache, threads=1)


class Blobs:
    """Unit vectors around one direction a category: a collection whose truth is known."""

    def __init__(self, *, categories: int = 4, spread: float = 0.6, seed: int = 0, dimensions: int = 16) -> None:
        self.rng = np.random.default_rng(seed)
        self.spread = spread
        self.classes: NDArray[np.int64] = np.arange(categories, dtype=np.int64) * 10 + 7
        self.prototypes = self._unit(self.rng.standard_normal((categories, dimensions)))

    def draw(self, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Vectors (count, d) and their category ids (count,)."""
        index = self.rng.integers(0, len(self.classes), count)
        noise = self._unit(self.rng.standard_normal((count, self.prototypes.shape[1])))
        return self._unit(self.prototypes[index] + self.spread * noise), self.classes[index]

    @staticmethod
    def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def blobs() -> type[Blobs]:
    return Blobs
