"""The labelled files of a folder, each split into texts to learn from and texts to measure on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._vectors import different, encoded
from models.learn.encoders import Encoder
from models.learn.text import compose

SEVERAL = "|"
TEST_SHARE = 0.25
FEWEST_CATEGORIES, FEWEST_TEXTS = 2, 60


@dataclass(frozen=True)
class Collection:
    """A labelled file as vectors.

    Attributes:
        x, truth: of the pool: vectors (n, d), and which categories each text has, shape (n, k).
        test, test_truth: of the texts that nobody is asked about.
        prototypes: vectors of the categories' names, shape (k, d).
        several: whether texts have several categories.
        texts: different texts in the file; those beyond the caps are left out.
    """

    name: str
    x: NDArray[np.float32]
    truth: NDArray[np.bool_]
    test: NDArray[np.float32]
    test_truth: NDArray[np.bool_]
    names: list[str]
    prototypes: NDArray[np.float32]
    several: bool
    texts: int

    @property
    def classes(self) -> NDArray[np.int64]:
        """The categories' ids."""
        return np.arange(len(self.names), dtype=np.int64)


def folder(
    data: Path, encoder: Encoder, cache: Path, *, pool: int, test: int, seed: int = 0
) -> tuple[list[Collection], dict[str, str]]:
    """Read all CSV files of a folder.

    Args:
        pool, test: so many texts of each file at most, drawn at random.

    Returns:
        The collections by name, and why the other files are left out.
    """
    found, left_out = [], {}
    for path in sorted(data.glob("*.csv")):
        rows = different(path)
        several = _several([row["label"] for row in rows])
        labels = [_categories(row["label"], several=several) for row in rows]
        names = sorted(set().union(*labels)) if rows else []
        if len(names) < FEWEST_CATEGORIES or len(rows) < FEWEST_TEXTS:
            left_out[path.stem] = f"{len(rows)} texts in {len(names)} categories: nothing to tell apart"
            continue
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(rows))
        is_test = np.array([rows[place].get("split") == "test" for place in order.tolist()])
        if not is_test.any() or is_test.all():
            is_test = rng.random(len(rows)) < TEST_SHARE
        learn, hold = order[~is_test][:pool].tolist(), order[is_test][:test].tolist()
        column = {name: place for place, name in enumerate(names)}
        truth = np.zeros((len(rows), len(names)), np.bool_)
        for place, own in enumerate(labels):
            truth[place, [column[name] for name in own]] = True
        kept = cache / path.stem
        found.append(
            Collection(
                path.stem,
                encoded([rows[place]["text"] for place in learn], encoder, kept),
                truth[learn],
                encoded([rows[place]["text"] for place in hold], encoder, kept),
                truth[hold],
                names,
                encoded([compose(name) for name in names], encoder, kept),
                several,
                len(rows),
            )
        )
    return found, left_out


def _several(labels: list[str]) -> bool:
    """Whether labels are sets: some are joined, of parts that mostly occur alone too."""
    joined = {part for label in labels if SEVERAL in label for part in label.split(SEVERAL)}
    return bool(joined) and len(joined & set(labels)) >= len(joined) / 2


def _categories(label: str, *, several: bool) -> set[str]:
    return {part for part in label.split(SEVERAL) if part} if several else {label}
