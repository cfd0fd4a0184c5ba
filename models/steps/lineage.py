"""Where a version comes from: whose decisions it learnt from, when it served, and on which items it is judged."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Missing
from models.learn.answers import answer
from models.learn.bundle import BUNDLE, HEAD
from models.pool.inputs import Inputs
from models.runtime import Runtime
from models.steps.score import pool_of
from models.store.queries.decisions import held_out_of, hold_out, labels_as_of
from models.store.queries.projects import categories_of
from models.store.queries.versions import find_version
from models.store.queries.work import decided_by, promotions_of
from models.store.tables import ItemRow, ProjectRow, PromotionRow, VersionRow
from models.vocabulary import Source


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from.

    Attributes:
        decided_by: name, source and count of the decisions it could learn from, the most first.
        moves: the promotions that made it serve or ended that, oldest first.
    """

    version: VersionRow
    decided_by: Sequence[tuple[str, Source, int]]
    moves: Sequence[PromotionRow]


@dataclass(frozen=True, slots=True)
class Checked:
    """A blind audit that a version did not learn from, and what the version says of the item.

    Attributes:
        truth: names of the categories that the reviewer gave.
        answered: names of those that the version gives.
    """

    item: ItemRow
    truth: list[str]
    answered: list[str]
    confidence: float


def lineage(session: Session, project: ProjectRow, number: int) -> Lineage:
    """Where a version comes from. Raises `Missing` where there is none of this number."""
    version = find_version(session, project, number)
    labels = labels_as_of(session, project.id, version.decision_high_water)
    learnt = labels.where(~held_out_of(version, labels))
    return Lineage(
        version,
        decided_by(session, np.unique(learnt.decision).tolist()),
        promotions_of(session, project.id, number),
    )


def checked(runtime: Runtime, session: Session, project: ProjectRow, number: int) -> list[Checked]:
    """The blind audits that a version did not learn from, newest first. Raises `Missing` where there is no version."""
    version = find_version(session, project, number)
    audits = hold_out(session, project.id, [version])
    pool = pool_of(runtime, session, project, number) if len(audits) else None
    if pool is None:
        return []
    audits = audits.where(np.isin(audits.item, pool.item_ids))
    served = runtime.heads.get(session, project, number)
    head = served.head
    items = np.unique(audits.item)
    said = answer(
        head, head.predict_proba(Inputs(pool, session, served.features).rows(pool.places(items))), head.classes_
    )
    names = {row.id: row.name for row in categories_of(session, project.id)}
    rows = _items(session, items.tolist())
    found = []
    for place, item_id in enumerate(items.tolist()):
        truth = [names[one] for one in audits.category[audits.item == item_id].tolist()]
        answered = [names[one] for one in head.classes_[said.chosen[place]].tolist() if one in names]
        if item_id in rows:
            newest = int(audits.decision[audits.item == item_id].max())
            found.append((newest, Checked(rows[item_id], truth, answered, float(said.confidence[place]))))
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def bundle_as_zip(runtime: Runtime, session: Session, project: ProjectRow, number: int) -> bytes:
    """A version's files in one archive: the manifest and the numbers, as they are checked at each load.

    Raises:
        Missing: there is no such version, or it has no bundle.
    """
    version = find_version(session, project, number)
    if version.bundle is None:
        raise Missing(f"version {number} has no bundle: it was never trained to its end")
    folder = runtime.artifacts.root / version.bundle
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in (BUNDLE, HEAD):
            archive.writestr(zipfile.ZipInfo(name), (folder / name).read_bytes())
    return out.getvalue()


def _items(session: Session, item_ids: Sequence[int]) -> dict[int, ItemRow]:
    rows: dict[int, ItemRow] = {}
    for start in range(0, len(item_ids), 500):
        block = select(ItemRow).where(ItemRow.id.in_(item_ids[start : start + 500]))
        rows |= {row.id: row for row in session.scalars(block)}
    return rows
