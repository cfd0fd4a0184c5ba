"""What the pool's undecided items teach: categories spread along the neighbour graph, then told in a linear form.

Spreading answers for the items of the graph only, while a version has to answer any text, in any process and
without the pool. So the spread categories are fitted by one linear map from vectors to their logarithms.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from models.learn.names import Names
from models.learn.neighbours import neighbour_graph, spread

NAME_SEED: Final = 1.0  # of a category's name, against a decision
FLOOR: Final = 1e-4
PENALTY: Final = 0.1

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Weights = tuple[Floats, Floats]


class Spreading:
    """The graph of decided items, categories' names and undecided items; made once, taught with any of the decisions.

    Args:
        x: vectors of decided items, shape (n, d).
        prototypes: vectors of the categories' words, shape (k, d).
        pool: vectors of other items, shape (m, d).
        graph: of all these, where it was made before, of other vectors than those that are to be mapped.
    """

    def __init__(self, x: Floats, prototypes: Floats, pool: Floats, graph: sparse.csr_matrix | None = None) -> None:
        self.decided = len(x)
        self.categories = len(prototypes)
        items = np.vstack([x, pool]).astype(np.float32)
        self.graph = neighbour_graph(np.vstack([items, prototypes])) if graph is None else graph
        self.features = np.hstack([items, np.ones((len(items), 1), np.float32)])
        squared = self.features.T @ self.features
        squared[np.diag_indices_from(squared)] += np.float32(PENALTY)
        self.solver = cho_factor(squared.astype(np.float64))

    def beside(self, columns: Floats) -> "Spreading":
        """The same graph for vectors with columns (n + m, c) behind them, of which the names have none."""
        wide = np.hstack([self.items, columns])
        names = np.zeros((self.categories, wide.shape[1]), np.float32)
        return Spreading(wide[: self.decided], names, wide[self.decided :], self.graph)

    @property
    def items(self) -> Floats:
        """Vectors of the decided and the other items, in this order, shape (n + m, d)."""
        return self.features[:, :-1]

    def teach(self, rows: NDArray[np.bool_], truth: Ids, names: Names) -> Floats:
        """Spread the categories of some decided items.

        Args:
            rows: which decided items show their category, shape (n,).
            truth: column of each one's category, shape (n,); of the others it is not looked at.
            names: which categories' names are seeds too.

        Returns:
            Logits of the items, shape (n + m, k).
        """
        seeds = np.zeros((self.graph.shape[0], self.categories), dtype=np.float32)
        shown = np.flatnonzero(rows)
        seeds[shown, truth[shown]] = 1.0
        named = np.zeros(self.categories, dtype=np.bool_)
        if names is not Names.NONE:
            named = (seeds.sum(axis=0) == 0) | (names is Names.ALL)
        words = len(self.features) + np.flatnonzero(named)
        seeds[words, np.flatnonzero(named)] = NAME_SEED
        logits: Floats = np.log(spread(self.graph, seeds)[: len(self.features)] + np.float32(FLOOR))
        logits -= logits.mean(axis=1, keepdims=True)
        return logits

    def linear(self, logits: Floats) -> Weights:
        """The linear map that comes closest to the items' logits: coefficients (k, d) and intercepts (k,)."""
        found = cho_solve(self.solver, (self.features.T @ logits).astype(np.float64)).astype(np.float32)
        return np.ascontiguousarray(found[:-1].T), np.ascontiguousarray(found[-1])
