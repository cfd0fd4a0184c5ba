"""Reads of decisions: which are in force, as of now or as of a high-water mark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.store.queries.categories import counted_as, merged_categories
from models.store.queries.paging import Page, newest_first
from models.store.tables import DecisionCategoryRow, DecisionRow, ItemRow, VersionRow
from models.vocabulary import Action, ItemState, Reason, Source

AUDITS_STAY = "audits_stay"
"""In the snapshot of a version that did not learn from audits of its hold-out which were decided once more, either."""

_LOOK_UP = 1_000
_LABELLING = (Action.ACCEPT, Action.CORRECT)


@dataclass(frozen=True)
class Labels:
    """Decisions in force, one for each item and category; arrays of shape (n,), by rising decision id.

    Attributes:
        decision: ids of the decisions.
        item: ids of the items.
        category: ids of the categories.
        blind: ids of the newest blind answers to an audit of the items, 0 where there is none. What is decided later
            with the machine's answer in view changes what an item is, and not that it was audited.
    """

    decision: NDArray[np.int64]
    item: NDArray[np.int64]
    category: NDArray[np.int64]
    blind: NDArray[np.int64]

    @property
    def audit(self) -> NDArray[np.bool_]:
        """Whether the item was asked as a blind audit, shape (n,)."""
        asked: NDArray[np.bool_] = self.blind > 0
        return asked

    def __len__(self) -> int:
        """How many there are."""
        return len(self.decision)

    def where(self, mask: NDArray[np.bool_]) -> "Labels":
        """Those for which the mask is true."""
        return Labels(self.decision[mask], self.item[mask], self.category[mask], self.blind[mask])

    def counted(self, merged: Mapping[int, int]) -> "Labels":
        """The same with merged categories as what they count for; an item that had both has one."""
        if not merged:
            return self
        category = np.asarray([merged.get(one, one) for one in self.category.tolist()], np.int64)
        _, first = np.unique(np.stack([self.decision, category]), axis=1, return_index=True)
        keep = np.sort(first)
        return Labels(self.decision[keep], self.item[keep], category[keep], self.blind[keep])

    def overruled(self) -> "Labels":
        """The same as versions took it that did not know `AUDITS_STAY`: an audit decided once more was none."""
        blind = np.where(self.blind == self.decision, self.blind, 0)
        return Labels(self.decision, self.item, self.category, blind)

    def members(self, classes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """The same by item, for items with several categories.

        Args:
            classes: ids of the columns, ascending, shape (k,).

        Returns:
            The m items; which categories each has, shape (m, k); and which have one besides those, shape (m,).
        """
        items, row = np.unique(self.item, return_inverse=True)
        known = np.isin(self.category, classes)
        member = np.zeros((len(items), len(classes)), np.bool_)
        member[row[known], np.searchsorted(classes, self.category[known])] = True
        outside = np.zeros(len(items), np.bool_)
        outside[row[~known]] = True
        return items, member, outside


def labels_as_of(
    session: Session,
    project_id: int,
    high_water: int | None = None,
    *,
    audited: bool = False,
    blindly: bool = False,
    merged: Mapping[int, int] | None = None,
) -> Labels:
    """What each item was, as far as the decisions up to `high_water` say (all of them without one).

    An item whose newest answer is one of several that others are waited for, or that contradict it, was nothing yet.

    Args:
        audited: only of items that were ever asked as a blind audit.
        blindly: what the blind answers to audits say, whatever was decided later, and nothing of other items.
        merged: what merged categories count for, by id; None for those merged now.
    """
    known = [DecisionRow.project_id == project_id]
    if audited:
        asked = select(DecisionRow.item_id).where(
            DecisionRow.project_id == project_id, DecisionRow.reason == Reason.AUDIT
        )
        known.append(DecisionRow.item_id.in_(asked))
    if high_water is not None:
        known.append(DecisionRow.id <= high_water)
    undone = select(DecisionRow.supersedes_id).where(*known, DecisionRow.action == Action.UNDO)
    answer = case((and_(DecisionRow.reason == Reason.AUDIT, DecisionRow.partial.is_(False)), DecisionRow.id))
    newest = (
        select(func.max(DecisionRow.id).label("id"), func.max(answer).label("blind"))
        .where(*known, DecisionRow.action.in_(_LABELLING), DecisionRow.id.not_in(undone))
        .group_by(DecisionRow.item_id)
        .subquery()
    )
    query = select(
        DecisionRow.id, DecisionRow.item_id, DecisionCategoryRow.category_id, func.coalesce(newest.c.blind, 0)
    )
    if blindly:
        last = aliased(DecisionRow)
        query = query.join(newest, newest.c.blind == DecisionRow.id).join(last, last.id == newest.c.id)
        query = query.where(last.partial.is_(False))
    else:
        query = query.join(newest, newest.c.id == DecisionRow.id).where(DecisionRow.partial.is_(False))
    connection = session.connection()  # there may be many: its rows are tuples, and cost a quarter of a session's
    rows = connection.execute(
        query.join(DecisionCategoryRow, DecisionCategoryRow.decision_id == DecisionRow.id).order_by(
            DecisionRow.id, DecisionCategoryRow.category_id
        )
    ).all()
    labels = Labels(
        np.fromiter((row[0] for row in rows), np.int64, len(rows)),
        np.fromiter((row[1] for row in rows), np.int64, len(rows)),
        np.fromiter((row[2] for row in rows), np.int64, len(rows)),
        np.fromiter((row[3] for row in rows), np.int64, len(rows)),
    )
    return labels.counted(merged_categories(session, project_id) if merged is None else merged)


def hold_out(session: Session, project_id: int, versions: Sequence[VersionRow]) -> Labels:
    """The blind answers to audits of items from which none of these versions has learnt.

    An item may have been decided in another way, and learnt from, before it was audited (its decision was taken
    back, or somebody looked it up while the audit waited): an audit of such an item proves nothing.

    A decision that comes after the audit, with the machine's answer in view, does not count here: it is made where
    somebody saw that the machine and the audit differ, so it would take away what speaks against the machine.
    """
    labels = labels_as_of(session, project_id, audited=True, blindly=True)
    unseen = labels.audit
    for version in versions:
        before = labels_as_of(session, project_id, version.decision_high_water, audited=True)
        trained = before.item[~held_out_of(version, before)]
        unseen = unseen & (labels.blind > version.audit_high_water) & ~np.isin(labels.item, trained)
    return labels.where(unseen)


def held_out_of(version: VersionRow, labels: Labels) -> NDArray[np.bool_]:
    """Which of the decisions up to its mark a version did not learn from, shape (n,): the newer audits."""
    stay = (version.snapshot or {}).get(AUDITS_STAY, False)
    held_out: NDArray[np.bool_] = (labels if stay else labels.overruled()).blind > version.audit_high_water
    return held_out


def unlearnt() -> ColumnElement[bool]:
    """Whether the version that had answered when a question was put had learnt nothing of the item before.

    For selects of `DecisionRow`. An audit may be asked of an item that somebody had looked up, or once more of one that
    has graduated to training (where a category was split): what a version says of such an item proves nothing of it.
    """
    version, earlier, undoing = aliased(VersionRow), aliased(DecisionRow), aliased(DecisionRow)
    knew = exists().where(
        version.project_id == DecisionRow.project_id,
        version.number == DecisionRow.predicted_number,
        earlier.item_id == DecisionRow.item_id,
        earlier.id <= version.decision_high_water,
        earlier.action.in_(_LABELLING),
        earlier.partial.is_(False),
        or_(earlier.reason.is_(None), earlier.reason != Reason.AUDIT, earlier.id <= version.audit_high_water),
        ~exists().where(undoing.supersedes_id == earlier.id, undoing.id <= version.decision_high_water),
    )
    return ~knew


def high_water(session: Session, project_id: int) -> int:
    """The id of the project's newest decision; 0 before the first."""
    return session.scalar(select(func.max(DecisionRow.id)).where(DecisionRow.project_id == project_id)) or 0


def decisions_page(
    session: Session,
    project_id: int,
    *,
    after: int | None,
    limit: int,
    viewer: str,
    actor: str | None = None,
    category_id: int | None = None,
    source: Source | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    reason: Reason | None = None,
) -> Page[DecisionRow]:
    """A project's decisions as the viewer may see them, newest first, undos among them."""
    query = select(DecisionRow).where(DecisionRow.project_id == project_id, seen_by(viewer))
    if actor is not None:
        query = query.where((DecisionRow.actor == actor) | (DecisionRow.actor_name == actor))
    if source is not None:
        query = query.where(DecisionRow.source == source)
    if reason is not None:
        query = query.where(DecisionRow.reason == reason)
    if since is not None:
        query = query.where(DecisionRow.created_at >= since)
    if until is not None:
        query = query.where(DecisionRow.created_at < until)
    if category_id is not None:
        alike = [one for one, counts in merged_categories(session, project_id).items() if counts == category_id]
        given = select(DecisionCategoryRow.decision_id).where(
            DecisionCategoryRow.category_id.in_([category_id, *alike])
        )
        query = query.where(DecisionRow.id.in_(given))
    return newest_first(session, query, DecisionRow.id, after, limit)


def seen_by(viewer: str) -> ColumnElement[bool]:
    """Which decisions a caller may see: one answer of several is nobody else's to see before all are given."""
    given = exists().where(
        ItemRow.id == DecisionRow.item_id, ItemRow.state.in_([ItemState.DECIDED, ItemState.DISPUTED])
    )
    return or_(DecisionRow.partial.is_(False), DecisionRow.actor == viewer, given)


def categories_given(session: Session, decision_ids: Sequence[int]) -> dict[int, set[int]]:
    """The ids of the categories that these decisions give, merged ones as what they count for."""
    given: dict[int, set[int]] = {decision_id: set() for decision_id in decision_ids}
    for start in range(0, len(decision_ids), _LOOK_UP):
        rows = session.execute(
            select(DecisionCategoryRow.decision_id, DecisionCategoryRow.category_id).where(
                DecisionCategoryRow.decision_id.in_(decision_ids[start : start + _LOOK_UP])
            )
        )
        for decision_id, category_id in rows:
            given[decision_id].add(category_id)
    meant = counted_as(session, set().union(*given.values()))
    return {decision_id: {meant[one].id for one in categories} for decision_id, categories in given.items()}


def names_of(session: Session, decision_ids: list[int]) -> dict[int, list[str]]:
    """The categories' names that these decisions give, merged ones by the name of what they count for."""
    if not decision_ids:
        return {}
    rows = (
        session.execute(
            select(DecisionCategoryRow.decision_id, DecisionCategoryRow.category_id)
            .where(DecisionCategoryRow.decision_id.in_(decision_ids))
            .order_by(DecisionCategoryRow.category_id)
        )
        .tuples()
        .all()
    )
    meant = counted_as(session, {category_id for _, category_id in rows})
    names: dict[int, list[str]] = {decision_id: [] for decision_id in decision_ids}
    for decision_id, category_id in rows:
        name = meant[category_id].name
        if name not in names[decision_id]:
            names[decision_id].append(name)
    return names
