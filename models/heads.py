"""The heads that answer, loaded once per process.

A promotion needs no announcement: every request reads the serving number with the project's row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.artifacts import Place
from models.bounded import Bounded
from models.encoders import Encoders
from models.errors import NoVersion, TooFewCategories
from models.learn.bundle import load
from models.learn.encoders import Encoder
from models.learn.fields import FieldFeatures, Record, joined
from models.learn.folding import fold
from models.learn.heads import Head, PrototypeHead
from models.learn.multi import MultiHead
from models.learn.text import compose, fingerprint
from models.store.queries.categories import merged_categories
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, EncoderRow, ProjectRow, VersionRow

_KEPT = 64
_FEWEST_CATEGORIES = 2


@dataclass(frozen=True)
class Served:
    """A version ready to answer.

    Attributes:
        number: its number; 0 for the categories' own names and descriptions.
        name: tells it from every other head, also from another version 0.
        head: gives probabilities for vectors.
        encoder: makes the vectors that it knows.
        threshold: the confidence from which an answer may go without a person; None: never.
        by_category: the same for answers that name a category, by its id; it goes before `threshold`.
        features: make the columns that the head wants behind each vector; None where it wants vectors alone.
    """

    number: int
    name: str
    head: Head
    encoder: Encoder
    threshold: float | None
    by_category: Mapping[int, float] = field(default_factory=dict)
    features: FieldFeatures | None = None

    def inputs(self, vectors: NDArray[np.float32], records: Sequence[Record]) -> NDArray[np.float32]:
        """What the head is given for texts: their vectors, and behind them what their records' fields say."""
        return vectors if self.features is None else joined(vectors, self.features.transform(records))


class HeadCache:
    """Heads by project and number.

    Args:
        artifacts: the place that bundles' addresses start from.
        encoders: version 0 is made with one of them, and every other version wants its own.
    """

    def __init__(self, artifacts: Place, encoders: Encoders) -> None:
        self._artifacts = artifacts
        self._encoders = encoders
        self._kept: Bounded[tuple[int, str], Served] = Bounded(_KEPT)

    def get(self, session: Session, project: ProjectRow, number: int | None = None) -> Served:
        """A version by number, or the one that serves.

        Raises:
            NoVersion: there is none of that number that can answer.
            TooFewCategories: version 0 is asked and the project has fewer than two categories.
            BundleBroken: its files fail their checks.
        """
        wanted = project.serving_number if number is None else number
        if wanted == 0:
            now = self._encoders.now(session, project)
            return self._from_names(project.id, now, categories_of(session, project.id, archived=False))
        found = session.execute(
            select(VersionRow, EncoderRow.name)
            .join(EncoderRow, EncoderRow.id == VersionRow.encoder_id)
            .where(VersionRow.project_id == project.id, VersionRow.number == wanted)
        ).one_or_none()
        row = None if found is None else found[0]
        if found is None or row is None or row.bundle is None or row.sha256 is None:
            raise NoVersion(f"version {wanted} of {project.slug!r} is not there to answer")
        encoder = self._encoders.named(found[1])
        if encoder is None:
            raise NoVersion(f"version {wanted} of {project.slug!r} was trained with another encoder")
        served = self._from_bundle(row, encoder, row.bundle, row.sha256)
        return self._folded(project.id, served, merged_categories(session, project.id))

    def _folded(self, project_id: int, served: Served, merged: dict[int, int]) -> Served:
        """The head as it counts since categories were merged; under a name of its own, for its answers differ."""
        head = fold(served.head, merged)
        if head is served.head:
            return served
        name = f"{served.name}-{fingerprint(repr(sorted(merged.items()))).hex()}"
        kept = self._kept.get((project_id, name))
        return kept or self._keep(project_id, replace(served, name=name, head=head))

    def _from_bundle(self, row: VersionRow, encoder: Encoder, bundle: str, sha256: str) -> Served:
        name = f"{row.number}-{sha256[:16]}"
        kept = self._kept.get((row.project_id, name))
        if kept is not None:
            return kept
        allowed = row.automation or {}
        apart = {int(one): kept["threshold"] for one, kept in allowed.get("by_category", {}).items()}
        loaded = load(self._artifacts / bundle, sha256)
        served = Served(
            row.number,
            name,
            loaded.head,
            encoder,
            allowed.get("threshold"),
            {one: least for one, least in apart.items() if least is not None},
            loaded.features,
        )
        return self._keep(row.project_id, served)

    def _from_names(self, project_id: int, encoder: Encoder, categories: Sequence[CategoryRow]) -> Served:
        check_enough(categories)
        texts = [compose(row.name, row.description) for row in categories]
        ids = [row.id for row in categories]
        name = f"0-{fingerprint(repr((encoder.id, ids, texts))).hex()}"
        kept = self._kept.get((project_id, name))
        if kept is not None:
            return kept
        head = PrototypeHead().fit(encoder.encode(texts), np.asarray(ids, np.int64))
        return self._keep(project_id, Served(0, name, head, encoder, None))

    def _keep(self, project_id: int, served: Served) -> Served:
        self._kept.put((project_id, served.name), served)
        return served


def check_enough(categories: Sequence[CategoryRow]) -> None:
    """Raise TooFewCategories where names alone leave nothing to choose between."""
    if len(categories) < _FEWEST_CATEGORIES:
        raise TooFewCategories("a project needs two categories before it can answer; add some")


@dataclass(frozen=True, slots=True)
class Columns:
    """Of what a head knows, the categories that are in use.

    Attributes:
        places: where they stand in the head's `classes_`, shape (k,).
        ids: their ids, shape (k,).
        categories: their rows.
    """

    places: NDArray[np.int64]
    ids: NDArray[np.int64]
    categories: list[CategoryRow]


def columns_of(served: Served, categories: Sequence[CategoryRow]) -> Columns:
    """The categories that a version may answer with. Raises NoVersion where none is left."""
    by_id = {row.id: row for row in categories if not row.archived}
    known = served.head.classes_
    places = np.flatnonzero(np.isin(known, list(by_id)))
    if not len(places):
        raise NoVersion("none of the categories this version knows is in use any more")
    return Columns(places, known[places], [by_id[int(one)] for one in known[places]])


def shares_of(served: Served, inputs: NDArray[np.float32], columns: Columns) -> NDArray[np.float32]:
    """Probabilities over the categories in use, shape (n, k); what a head gives to archived ones is shared out."""
    wanted: NDArray[np.float32] = served.head.predict_proba(inputs)
    if isinstance(served.head, MultiHead):
        return wanted[:, columns.places]
    if len(columns.places) == wanted.shape[1]:
        return wanted
    wanted = wanted[:, columns.places]
    total = wanted.sum(axis=1, keepdims=True)
    shares: NDArray[np.float32] = np.divide(
        wanted, total, out=np.full_like(wanted, 1 / wanted.shape[1]), where=total > 0
    )
    return shares


def probabilities(
    served: Served, inputs: NDArray[np.float32], categories: Sequence[CategoryRow]
) -> tuple[NDArray[np.float32], Columns]:
    """Probabilities over the categories in use, shape (n, k), and what their columns are."""
    columns = columns_of(served, categories)
    return shares_of(served, inputs, columns), columns
