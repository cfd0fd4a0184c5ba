"""What was found out about a project, kept beside its vectors until it is no longer about the same decisions."""

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pool.replacing import replacing


def kept(folder: Path, name: str, about: object, find: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array that `find` gives, from disk where it was found before.

    Args:
        folder: of the pool.
        name: of the finding; there is one of each name, the newest.
        about: everything that the finding depends on, with a stable `repr`.
        find: computes it.
    """
    key = hashlib.blake2b(repr(about).encode(), digest_size=12).hexdigest()
    path = folder / f"{name}-{key}.npy"
    try:
        there: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        found = find()
    else:
        return there
    data = BytesIO()  # for numpy, writing an array to a file, does not tell a full disk from other faults
    np.save(data, found, allow_pickle=False)
    with replacing(path) as file:
        file.write(data.getbuffer())
    for older in folder.glob(f"{name}-*.npy"):
        if older != path:
            older.unlink(missing_ok=True)
    return found
