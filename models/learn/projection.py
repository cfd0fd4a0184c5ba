"""A picture of many numbers: vectors laid out on a plane."""

import numpy as np
from numpy.typing import NDArray

from models.learn.heads import Floats


def plane(x: Floats) -> NDArray[np.float32]:
    """The two directions in which the vectors differ most (principal components), scaled into -1 .. 1.

    Args:
        x: vectors, shape (n, d).

    Returns:
        Shape (n, 2). The same vectors always give the same picture: of each axis the larger end is positive.
    """
    if not len(x):
        return np.empty((0, 2), np.float32)
    centred = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    flat = centred @ axes[:, -1:-3:-1]
    if flat.shape[1] == 1:
        flat = np.concatenate([flat, np.zeros_like(flat)], axis=1)
    turn = np.where(np.abs(flat.min(axis=0)) > flat.max(axis=0), -1.0, 1.0)
    most = np.maximum(np.abs(flat).max(axis=0), 1e-9)
    laid: NDArray[np.float32] = (flat * turn / most).astype(np.float32)
    return laid
