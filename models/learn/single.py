"""Learning on one thread: sums in another order would give other last digits, and another sha256."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def on_one_thread() -> AbstractContextManager[object]:
    """As long as the `with` block, what multiplies matrices keeps to the thread that asks."""
    limited: AbstractContextManager[object] = _libraries().limit(limits=1, user_api="blas")
    return limited


@cache
def _libraries() -> Any:
    """Those of NumPy and SciPy, which are loaded before anything is learnt: to look for them takes milliseconds."""
    return ThreadpoolController()
