"""What a version learns from, fixed before it learns: so that it can be made again, byte for byte.

The two marks say which decisions; the snapshot beside them says what else went in: the categories in their words of
that day, how many items had a vector, and the project's slug, which stands in the bundle.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import NoVersion
from models.learn.encoders import Encoder
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.fields import Seen, never_learnt, seen
from models.store.queries.categories import merged_categories
from models.store.queries.decisions import AUDITS_STAY, Labels, held_out_of, labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import EncoderRow, ProjectRow, VectorRow, VersionRow

MOST_BYSTANDERS = 4_800
"""So many items beside the decided ones are looked at: training does not take longer in a larger pool."""


@dataclass(frozen=True, slots=True)
class Known:
    """A category as it was when the version was begun."""

    id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a version learns from.

    Attributes:
        slug: of its project, then.
        encoder: whose vectors it learns from.
        categories: in use then, by rising id.
        pool: the vectors; `positions` of them were there then.
        learnt: decisions that it learns from.
        held_out: blind audits that it is measured on.
        fields: what the records of `learnt` and `beside` hold beside their texts; None where there is nothing to learn.
    """

    slug: str
    encoder: Encoder
    categories: list[Known]
    pool: Pool
    positions: int
    learnt: Labels
    held_out: Labels
    fields: Seen | None = None

    @property
    def beside(self) -> NDArray[np.int64]:
        """Ids of items that it learns no category from; see `bystanders`."""
        rng = np.random.default_rng(self.positions)
        places = rng.choice(self.positions, min(MOST_BYSTANDERS, self.positions), replace=False)
        ids = self.pool.item_ids[np.sort(places)]
        return ids[(ids > 0) & ~np.isin(ids, self.learnt.item)]

    @property
    def asked(self) -> float:
        """The share of what had a vector then that it learns a category from."""
        return len(np.unique(self.learnt.item)) / max(self.positions, 1)


def taken(session: Session, project: ProjectRow, encoder_id: int) -> dict[str, Any]:
    """The snapshot of this moment, as the version's row keeps it."""
    last = session.scalar(
        select(func.max(VectorRow.position)).where(
            VectorRow.project_id == project.id, VectorRow.encoder_id == encoder_id
        )
    )
    return {
        "slug": project.slug,
        "categories": [[row.id, row.name, row.description] for row in _in_use(session, project)],
        "merged": sorted(merged_categories(session, project.id).items()),
        "positions": 0 if last is None else last + 1,
        "erasures": project.erasures,
        "never_learnt": never_learnt(session, project),
        AUDITS_STAY: True,
    }


def lesson(runtime: Runtime, session: Session, project: ProjectRow, version: VersionRow) -> Lesson:
    """What the version's marks and snapshot stand for; less what has been erased since.

    Raises:
        NoVersion: the encoder that it was begun with is not in use any more.
    """
    kept = version.snapshot
    of_version = session.get_one(EncoderRow, version.encoder_id)
    encoder = runtime.encoders.named(of_version.name)
    if encoder is None:
        raise NoVersion(f"it was trained with the encoder {of_version.name}, and {runtime.encoder.id} is in use now")
    pool = runtime.pools.open(session, project, of_version)
    if kept is None:  # made before there were snapshots
        slug, positions, categories = project.slug, len(pool), _in_use(session, project)
    else:
        slug, positions = kept["slug"], min(kept["positions"], len(pool))
        categories = [Known(*one) for one in kept["categories"]]
    merged = None if kept is None else dict(kept.get("merged", []))
    up_to = session, project.id, version.decision_high_water

    def known(labels: Labels) -> Labels:
        there = np.isin(labels.item, pool.item_ids[:positions])
        return labels.where(there & np.isin(labels.category, np.asarray([one.id for one in categories], np.int64)))

    labels = labels_as_of(*up_to, merged=merged)
    audits = labels_as_of(*up_to, audited=True, blindly=True, merged=merged)
    learnt = known(labels.where(~held_out_of(version, labels)))
    held_out = known(audits.where(held_out_of(version, audits) & ~np.isin(audits.item, learnt.item)))
    given = Lesson(slug, encoder, categories, pool, positions, learnt, held_out)
    if kept is None or "never_learnt" not in kept:  # before there was such a list, no version learnt from fields
        return given
    names = {one.id: one.name for one in categories}
    return replace(given, fields=seen(session, given.learnt, given.beside, kept["never_learnt"], names))


def bystanders(given: Lesson) -> NDArray[np.float32]:
    """Vectors of items that it learns no category from, shape (m, d): what is like them says something all the same.

    A random sample of what had a vector then, so that the time does not grow with the pool; the number of vectors fixes
    it. Items under audit may be among them, for their categories are not looked at.
    """
    return given.pool.rows(given.pool.places(given.beside))


def _in_use(session: Session, project: ProjectRow) -> list[Known]:
    rows = categories_of(session, project.id, archived=False)
    return [Known(row.id, row.name, row.description) for row in rows]
