"""The neighbour graph of a pool: what is most like what, and categories that spread along it.

Brute force in blocks: the caller bounds how many rows there are, so memory and time are bounded too.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

NEIGHBOURS: Final = 15
SPREAD: Final = 0.8
ROUNDS: Final = 12
_BLOCK: Final = 1024

Floats = NDArray[np.float32]


def neighbour_graph(vectors: Floats, neighbours: int = NEIGHBOURS) -> sparse.csr_matrix:
    """Each row's nearest rows, weighted by likeness, in both directions, and normalised on both sides.

    Args:
        vectors: shape (n, d), each of length 1.
        neighbours: of each row; fewer where there are fewer rows.

    Returns:
        Shape (n, n), float32, symmetric; its largest eigenvalue is 1.
    """
    size = len(vectors)
    count = min(neighbours, size - 1)
    if count < 1:
        return sparse.csr_matrix((size, size), dtype=np.float32)
    nearest = np.empty((size, count), dtype=np.int64)
    likeness = np.empty((size, count), dtype=np.float32)
    for start in range(0, size, _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors.T
        block[np.arange(len(block)), np.arange(start, start + len(block))] = -np.inf
        nearest[start : start + _BLOCK] = np.argpartition(block, size - count, axis=1)[:, size - count :]
        likeness[start : start + _BLOCK] = np.take_along_axis(block, nearest[start : start + _BLOCK], axis=1)
    ends = np.arange(0, size * count + 1, count)
    weights = np.maximum(likeness, 0.0).ravel()
    one_way = sparse.csr_matrix((weights, nearest.ravel(), ends), shape=(size, size))
    both = one_way.maximum(one_way.T)
    degree = np.asarray(both.sum(axis=1), dtype=np.float32).ravel()
    scale = sparse.diags_array(1.0 / np.sqrt(np.maximum(degree, np.float32(1e-6))), dtype=np.float32)
    return sparse.csr_matrix(scale @ both @ scale, dtype=np.float32)


def spread(graph: sparse.csr_matrix, seeds: Floats) -> Floats:
    """Let categories spread from rows that have one to the rows that are like them (Zhou et al. 2004).

    Args:
        graph: see `neighbour_graph`, (n, n).
        seeds: how much of each category a row starts with, shape (n, k). Every category counts alike, however
            many seeds it has.

    Returns:
        Shares (n, k), each row sums to 1; a row that nothing reaches has equal ones.
    """
    source = seeds / np.maximum(seeds.sum(axis=0, keepdims=True), np.float32(1e-9))
    reached = source
    for _ in range(ROUNDS):
        reached = np.float32(SPREAD) * (graph @ reached) + np.float32(1 - SPREAD) * source
    total = reached.sum(axis=1, keepdims=True)
    shares: Floats = np.where(total > 0, reached / np.maximum(total, np.float32(1e-20)), 1 / seeds.shape[1])
    return shares.astype(np.float32)
