"""scikit-activeml's pool strategies, behind the same head as everybody's.

Left out is what loses on every kind of set (entropy, least confidence) or takes tens of seconds for one round at a few
thousand items (BADGE, MaxHerding, expected error, query by committee).
"""

from collections.abc import Callable
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from skactiveml.base import SkactivemlClassifier
from skactiveml.pool import Clue, CoreSet, DropQuery, Falcun, TypiClust, UncertaintySampling

Floats = NDArray[np.float32]


class Answering(SkactivemlClassifier):  # type: ignore[misc]  # it has no types
    """A head that is fitted already, in scikit-activeml's form.

    Args:
        answers: vectors (n, d) to probabilities (n, k).
    """

    def __init__(
        self, answers: Callable[[Floats], Floats], classes: Any = None, missing_label: float = np.nan, **rest: Any
    ) -> None:
        super().__init__(classes=classes, missing_label=missing_label, **rest)
        self.answers = answers

    def fit(self, *_: Any) -> Self:
        return self

    def predict_proba(self, X: Any, **_: Any) -> NDArray[np.float64]:  # noqa: N803 - its name there
        shares = np.asarray(self.answers(np.asarray(X, np.float32)), np.float64)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: Any, **_: Any) -> NDArray[np.int64]:  # noqa: N803 - its name there
        likeliest: NDArray[np.int64] = self.predict_proba(X).argmax(axis=1)
        return likeliest


PEERS: Final[dict[str, Callable[[int], Any]]] = {
    "margin": lambda seed: UncertaintySampling("margin_sampling", random_state=seed),
    "Falcun": lambda seed: Falcun(random_state=seed),
    "CLUE": lambda seed: Clue(random_state=seed),
    "DropQuery": lambda seed: DropQuery(random_state=seed),
    "TypiClust": lambda seed: TypiClust(random_state=seed),
    "CoreSet": lambda seed: CoreSet(random_state=seed),
}
BLIND: Final = frozenset({"TypiClust", "CoreSet"})
"""These look at vectors only."""


def ask(
    name: str,
    x: Floats,
    asked: NDArray[np.int64],
    count: int,
    answers: Callable[[Floats], Floats] | None,
    categories: int,
    seed: int,
) -> NDArray[np.int64]:
    """What a strategy wants to know next.

    Args:
        x: the pool's vectors, shape (n, d).
        asked: the rows decided so far.
        answers: the head; None before the first decision: then those that need one begin at random.
    """
    shown = np.full(len(x), np.nan)
    shown[asked] = 0.0  # which category does not matter: the head is fitted already
    if name in BLIND:
        return np.asarray(PEERS[name](seed).query(x, shown, batch_size=count), np.int64)
    if answers is None:
        return np.random.default_rng(seed).permutation(np.setdiff1d(np.arange(len(x)), asked))[:count]
    head = Answering(answers, classes=list(range(categories)))
    told: dict[str, Any] = (
        {"estimator": head, "fit_estimator": False} if name == "CLUE" else {"clf": head, "fit_clf": False}
    )
    return np.asarray(PEERS[name](seed).query(x, shown, batch_size=count, **told), np.int64)
