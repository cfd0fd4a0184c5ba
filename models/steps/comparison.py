"""Two versions held against the same blind audits and the same pool; each sees the items with its own encoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.learn.audit import is_worse, mcnemar
from models.learn.evaluation import Evaluation
from models.pool.inputs import Inputs
from models.pool.vectors import Pool
from models.runtime import Runtime
from models.steps.examine import examine
from models.steps.score import pool_of, scored
from models.store.queries.decisions import Labels, hold_out, labels_as_of
from models.store.queries.projects import categories_of
from models.store.queries.versions import find_version
from models.store.tables import ItemRow, ProjectRow, VersionRow

_FLIPS_SHOWN = 100


@dataclass(frozen=True)
class Flip:
    """An item whose answer differs between two versions; `truth` where an audit tells."""

    item_id: int
    text: str
    a: str
    b: str
    truth: str | None


@dataclass(frozen=True)
class Comparison:
    """Two versions on the same blind audits, which neither was trained on.

    Attributes:
        metrics_a, metrics_b: None while no audit is held out for both.
        only_a, only_b: audits that only the one, only the other answers rightly.
        p_value: exact two-sided McNemar test of those two counts.
        b_is_worse: whether the one-sided test at 5 % says so.
        changed: items of the whole pool whose answer differs; `flips` are some of them, audits first.
    """

    a: int
    b: int
    audits: int
    metrics_a: Evaluation | None
    metrics_b: Evaluation | None
    only_a: int
    only_b: int
    p_value: float
    b_is_worse: bool
    changed: int
    pool: int
    flips: list[Flip]


def compare(runtime: Runtime, session: Session, project: ProjectRow, a: int, b: int) -> Comparison:
    """Hold two versions (0: the categories' names) against the same audits and the same pool."""
    for number in {a, b} - {0}:
        find_version(session, project, number)
    audits = _audits(runtime, session, project, a, b)
    right = {number: _on_audits(runtime, session, project, number, audits) for number in {a, b}}
    (eval_a, right_a), (eval_b, right_b) = right[a], right[b]
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    changed, pool, flips = _flips(runtime, session, project, a, b)
    return Comparison(
        a=a,
        b=b,
        audits=len(right_a),
        metrics_a=eval_a,
        metrics_b=eval_b,
        only_a=only_a,
        only_b=only_b,
        p_value=mcnemar(only_a, only_b),
        b_is_worse=is_worse(right_b, right_a),
        changed=changed,
        pool=pool,
        flips=flips,
    )


def _audits(runtime: Runtime, session: Session, project: ProjectRow, a: int, b: int) -> Labels:
    """The audits held out for both versions, of items that both have vectors of."""
    versions = session.scalars(
        select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number.in_((a, b)))
    ).all()
    audits = hold_out(session, project.id, versions)
    for number in (a, b) if len(audits) else ():
        pool = pool_of(runtime, session, project, number)
        audits = audits.where(np.isin(audits.item, [] if pool is None else pool.item_ids))
    return audits


def _on_audits(
    runtime: Runtime, session: Session, project: ProjectRow, number: int, audits: Labels
) -> tuple[Evaluation | None, NDArray[np.bool_]]:
    """One version on audits: its figures, and which ones it answers rightly."""
    pool = pool_of(runtime, session, project, number)
    if pool is None or not len(audits):
        return None, np.empty(0, np.bool_)
    served = runtime.heads.get(session, project, number)
    found = examine(served.head, Inputs(pool, session, served.features), audits, project.task)
    return found.evaluation, found.correct


def _flips(runtime: Runtime, session: Session, project: ProjectRow, a: int, b: int) -> tuple[int, int, list[Flip]]:
    found_a, found_b = scored(runtime, session, project, a), scored(runtime, session, project, b)
    if found_a is None or found_b is None:
        return 0, 0, []
    ids, at_a, at_b = _common(found_a[0], found_b[0])
    said_a, said_b = found_a[1].category[at_a], found_b[1].category[at_b]
    differs = np.flatnonzero(said_a != said_b)
    labels = labels_as_of(session, project.id, audited=True, blindly=True)
    truth = dict(zip(labels.item.tolist(), labels.category.tolist(), strict=True))
    names = {row.id: row.name for row in categories_of(session, project.id)}
    shown = sorted(differs.tolist(), key=lambda place: int(ids[place]) not in truth)[:_FLIPS_SHOWN]
    wanted = [int(ids[place]) for place in shown]
    texts = dict(session.execute(select(ItemRow.id, ItemRow.text).where(ItemRow.id.in_(wanted))).tuples().all())
    flips = [
        Flip(
            item_id := int(ids[place]),
            texts.get(item_id, ""),
            names.get(int(said_a[place]), "?"),
            names.get(int(said_b[place]), "?"),
            names.get(truth[item_id]) if item_id in truth else None,
        )
        for place in shown
    ]
    return len(differs), len(ids), flips


def _common(a: Pool, b: Pool) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The items of two pools that are in both, and where they lie in each; arrays of shape (n,)."""
    if a.folder == b.folder:
        places = np.flatnonzero(a.item_ids[: min(len(a), len(b))] > 0)
        return a.item_ids[places], places, places
    ids = a.item_ids[(a.item_ids > 0) & np.isin(a.item_ids, b.item_ids)]
    return ids, a.places(ids), b.places(ids)
