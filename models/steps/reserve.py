"""The part of a pool that is kept for blind audits.

Each item has a place between 0 and 1, fixed by its id and the project's salt: uniform, and not to be guessed
from outside. The lowest places are reserved: active learning never asks them, audits ask them in order. So
the audited items are a uniform random sample of the pool, whatever the machine finds interesting.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray


def places(salt: str, item_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """The places of items, shape (n,), uniform over [0, 1): the finaliser of SplitMix64 (Steele et al. 2014)."""
    seed = np.uint64(int.from_bytes(hashlib.blake2b(salt.encode(), digest_size=8).digest(), "little"))
    with np.errstate(over="ignore"):
        mixed = (item_ids.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + seed
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def is_reserved(salt: str, item_ids: NDArray[np.int64], rate: float) -> NDArray[np.bool_]:
    """Which items are kept for audits, shape (n,)."""
    return places(salt, item_ids) < rate


def audit_order(salt: str, item_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The items in the order in which they are audited."""
    return item_ids[np.argsort(places(salt, item_ids), kind="stable")]
