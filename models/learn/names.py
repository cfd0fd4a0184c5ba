"""Whether the categories' names say something about the items; decisions have the last word."""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

LEAST_ROWS: Final = 10
DOUBT: Final = 0.2
MARGIN: Final = 1.0


class Names(StrEnum):
    """Which categories' names are learnt from."""

    ALL = "all"
    NEW = "new"  # of categories without decisions only
    NONE = "none"


def say_nothing(named: NDArray[np.int64], truth: NDArray[np.int64]) -> bool:
    """Whether the names by themselves answer no better than chance.

    Args:
        named: column of the nearest name, shape (n,).
        truth: column of the true category, shape (n,).

    Returns:
        False as long as there are too few rows to tell.
    """
    rows = len(truth)
    if rows < LEAST_ROWS:
        return False
    size = 1 + max(int(named.max()), int(truth.max()))
    shares = np.bincount(named, minlength=size) * np.bincount(truth, minlength=size) / rows**2
    right = int((named == truth).sum())
    return bool(bdtrc(right - 1, rows, min(1.0, float(shares.sum()))) > DOUBT)


def clearly_better(surprise: NDArray[np.float64], other: NDArray[np.float64], margin: float = MARGIN) -> bool:
    """Whether the first is less surprised than the other, row by row, by more than so many standard errors.

    Args:
        surprise: log loss of each row, shape (n,).
        other: of the same rows.
        margin: in standard errors.
    """
    gain = other - surprise
    if len(gain) < LEAST_ROWS:
        return False
    return bool(gain.mean() > margin * gain.std(ddof=1) / np.sqrt(len(gain)))
