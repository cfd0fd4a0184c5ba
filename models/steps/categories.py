"""Changing categories: rename, move, archive, merge, split. Each says first what it will mean, and can be taken back.

Decisions are never changed. A merged category keeps them, and they count for the category that it was merged into;
what is split off is a decision of its own for each item.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import jobs
from models.errors import BadReference, Conflict, Invalid, Missing, Problem, TooLittleToLearn
from models.runtime import Runtime
from models.steps import effects
from models.steps.accounts import Caller, record
from models.steps.asking import ask_again
from models.steps.decisions import put
from models.steps.effects import Effect, in_force
from models.steps.projects import NewCategory, add_category, edit_category, find_category, mark_categories
from models.steps.score import pool_of
from models.steps.shortcuts import check_shortcut
from models.steps.train import request_training
from models.store.queries.decisions import Labels, categories_given, labels_as_of
from models.store.queries.projects import categories_of
from models.store.tables import CategoryChangeRow, CategoryRow, DecisionRow, ItemRow, ProjectRow, TaskRow
from models.store.types import utc_now
from models.vocabulary import Action, Job, Reason, Source, Surgery

_FEWEST = 2
_INTO = ("body", "into_id")
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that is wanted.

    Attributes:
        fields: for an edit: `name`, `description`, `parent_id`, `shortcut`, `archived`, as far as they change.
        into_id: for a merger, the category that stays.
        name, description: for a split, of the new category.
        item_ids: for a split, the items that go to it.
        ask: for a split, about how many of the others people are asked again, the likeliest first.
    """

    kind: Surgery
    fields: Mapping[str, Any]
    into_id: int | None = None
    name: str = ""
    description: str = ""
    item_ids: Sequence[int] = ()
    ask: int = 0


def preview(session: Session, project: ProjectRow, category_id: int, wanted: Wanted) -> Effect:
    """What a change would mean. Raises what making it would raise, as far as that can be known before."""
    row = find_category(session, project, category_id)
    if wanted.kind is Surgery.EDIT:
        return effects.of_edit(session, project, row, wanted.fields)
    if wanted.kind is Surgery.MERGE:
        return effects.of_merger(session, project, row, _target(session, project, row, wanted.into_id))
    _checked_picks(session, project, row, wanted.item_ids)
    return effects.of_split(session, project, row, wanted.name, wanted.item_ids, wanted.ask)


def change(
    runtime: Runtime, session: Session, caller: Caller, project: ProjectRow, category_id: int, wanted: Wanted
) -> tuple[CategoryChangeRow | None, Effect]:
    """Make a change.

    Returns:
        Its row, and what it meant; no row where nothing differs from what is there.

    Raises:
        AlreadyThere: a category of that name, or with that key, is there.
        BadReference: a category or an item is not there.
        Conflict: the category was merged into another one.
    """
    session.refresh(project, with_for_update={"key_share": True})
    row = find_category(session, project, category_id)
    if row.merged_into_id is not None:
        raise Conflict(f"{row.name} was merged into another category: take that back first")
    effect = preview(session, project, category_id, wanted)
    if wanted.kind is Surgery.EDIT:
        made = edit_category(session, caller, project, category_id, wanted.fields, effect.says)
    elif wanted.kind is Surgery.MERGE:
        made = _merge(session, caller, project, row, _target(session, project, row, wanted.into_id), effect)
    else:
        made = _split(runtime, session, caller, project, row, wanted, effect)
    mark_categories(project)
    if made is not None and effect.trains:
        _learn_anew(session, caller, project)
    return made, effect


def take_back(session: Session, caller: Caller, project: ProjectRow, change_id: int) -> CategoryChangeRow:
    """Take a change back: the category is what it was, decisions made since stay as they are.

    Raises:
        Missing: the project has no such change.
        Conflict: it was taken back before, or a later change stands on it.
        AlreadyThere: another category has its name or its key by now.
    """
    session.refresh(project, with_for_update={"key_share": True})
    made = session.get(CategoryChangeRow, change_id)
    if made is None or made.project_id != project.id:
        raise Missing(f"the project has no change {change_id} of its categories")
    if made.undone_at is not None:
        raise Conflict(f"change {made.id} was taken back before")
    row = find_category(session, project, made.category_id)
    if made.kind is Surgery.EDIT:
        if any(getattr(row, field) != value for field, value in made.after.items()):
            raise Conflict(f"{row.name} was changed again since: take that back first")
        edit_category(session, caller, project, row.id, made.before, remember=False)
    elif made.kind is Surgery.MERGE:
        _part(session, project, row, made)
    else:
        _join(session, row, made)
    mark_categories(project)
    made.undone_at, made.undone_by = utc_now(), caller.name
    session.flush()
    record(session, caller, "category.change.undo", f"{project.slug}/{row.id}", {"change": made.id})
    if made.kind is not Surgery.EDIT or "archived" in made.after:
        _learn_anew(session, caller, project)
    return made


def _target(session: Session, project: ProjectRow, row: CategoryRow, into_id: int | None) -> CategoryRow:
    there = {one.id: one for one in categories_of(session, project.id, archived=False)}
    target = there.get(into_id or 0)
    if target is None:
        message = f"the category {into_id} to merge into is not there or is archived"
        raise BadReference(message, problems=[Problem(_INTO, "is not there, or is archived")])
    if target.id == row.id:
        raise Invalid("a category cannot be merged into itself", problems=[Problem(_INTO, "is the category itself")])
    if len(there.keys() - {row.id}) < _FEWEST:
        raise Conflict("a project needs two categories: merging these would leave one")
    return target


def _merge(
    session: Session, caller: Caller, project: ProjectRow, row: CategoryRow, target: CategoryRow, effect: Effect
) -> CategoryChangeRow:
    there = categories_of(session, project.id)
    below = [one for one in there if one.parent_id == row.id]
    parents = {one.id: one.parent_id for one in there}
    above: int | None = target.id
    while above not in {None, row.id}:
        above = parents[above or 0]
    heir = target.id if above is None else row.parent_id  # none may come to stand below itself
    before = {"archived": row.archived, "below": [one.id for one in below]}
    for one in below:
        one.parent_id = heir
    row.archived, row.merged_into_id = True, target.id
    after = {"into_id": target.id, "heir": heir}
    return _remembered(session, caller, project, row, Surgery.MERGE, before, after, effect)


def _part(session: Session, project: ProjectRow, row: CategoryRow, made: CategoryChangeRow) -> None:
    """Let two merged categories be two again."""
    if row.merged_into_id != made.after["into_id"]:
        raise Conflict(f"{row.name} was changed again since: take that back first")
    if not made.before["archived"]:
        check_shortcut(session, project, row.shortcut, row)
    row.merged_into_id, row.archived = None, made.before["archived"]
    for one in categories_of(session, project.id):
        if one.id in made.before["below"] and one.parent_id == made.after["heir"]:
            one.parent_id = row.id


def _split(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    project: ProjectRow,
    row: CategoryRow,
    wanted: Wanted,
    effect: Effect,
) -> CategoryChangeRow:
    labels = in_force(session, project, row)
    new = add_category(session, caller, project, NewCategory(wanted.name, wanted.description))
    new.parent_id = row.parent_id
    items = session.scalars(
        select(ItemRow).where(ItemRow.id.in_(wanted.item_ids)).with_for_update(key_share=True)
    ).all()
    decided = {one.id: session.get_one(DecisionRow, one.decision_id) for one in items}
    given = categories_given(session, [one.id for one in decided.values()])
    audits = labels_as_of(session, project.id, audited=True, blindly=True)
    audits = audits.where(audits.category == row.id)
    blindly = dict(zip(audits.item.tolist(), audits.decision.tolist(), strict=True))
    for item in items:
        before = decided[item.id]
        kept = sorted(given[before.id] - {row.id})
        made = put(session, caller, item, action=Action.CORRECT, category_ids=[*kept, new.id], source=Source.REVIEW)
        if item.id in blindly:
            # The question was put blindly; only the names of its answers are others now. What the machine had said
            # then is not held against it.
            asked_with = session.get_one(DecisionRow, blindly[item.id]).inclusion_probability
            made.reason, made.blind, made.inclusion_probability = Reason.AUDIT, True, asked_with
    asked = _likely(runtime, session, project, labels, wanted)
    ask_again(session, project, asked, f"Asked because {row.name} was split: it is {row.name} or {new.name}.")
    after = {"new_id": new.id, "asked": [item_id for item_id, _ in asked]}
    return _remembered(session, caller, project, row, Surgery.SPLIT, {}, after, effect)


def _join(session: Session, row: CategoryRow, made: CategoryChangeRow) -> None:
    """Let what was split off count for the category again, and ask nobody any more."""
    new = session.get_one(CategoryRow, made.after["new_id"])
    if new.merged_into_id is not None or row.merged_into_id is not None:
        raise Conflict(f"{new.name} or {row.name} was changed again since: take that back first")
    new.archived, new.merged_into_id = True, row.id
    session.execute(
        update(TaskRow)
        .where(TaskRow.item_id.in_(made.after["asked"]), TaskRow.open.is_(True), TaskRow.holder.is_(None))
        .values(open=False)
    )


def _checked_picks(session: Session, project: ProjectRow, row: CategoryRow, item_ids: Sequence[int]) -> None:
    wrong = sorted(set(item_ids) - set(in_force(session, project, row).item.tolist()))
    if wrong:
        listed = ", ".join(str(one) for one in wrong[:_LISTED]) + (" …" if len(wrong) > _LISTED else "")
        message = f"these items are not decided as {row.name}: {listed}"
        raise BadReference(message, problems=[Problem(("body", "item_ids"), f"not decided as {row.name}: {listed}")])


def _likely(
    runtime: Runtime, session: Session, project: ProjectRow, labels: Labels, wanted: Wanted
) -> list[tuple[int, bool]]:
    """Items that stay, those most like the ones that go first; each with whether it is a blind audit."""
    picked = np.asarray(wanted.item_ids, np.int64)
    rest = labels.where(~np.isin(labels.item, picked))
    pool = pool_of(runtime, session, project)
    if not wanted.ask or not len(rest):
        return []
    order = np.arange(len(rest))
    if pool is not None and len(picked):
        there = np.isin(rest.item, pool.item_ids)
        rest = rest.where(there)
        centre = pool.rows(pool.places(picked[np.isin(picked, pool.item_ids)])).sum(axis=0)
        order = np.argsort(-(pool.rows(pool.places(rest.item)) @ centre), kind="stable")
    order = order[: wanted.ask]
    return list(zip(rest.item[order].tolist(), rest.audit[order].tolist(), strict=True))


def _remembered(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    row: CategoryRow,
    kind: Surgery,
    before: dict[str, Any],
    after: dict[str, Any],
    effect: Effect,
) -> CategoryChangeRow:
    made = CategoryChangeRow(
        project_id=project.id,
        category_id=row.id,
        kind=kind,
        before=before,
        after=after,
        says=effect.says,
        actor=caller.key,
        actor_name=caller.name,
    )
    session.add(made)
    session.flush()
    record(session, caller, f"category.{kind.value}", f"{project.slug}/{row.id}", {"change": made.id})
    return made


def _learn_anew(session: Session, caller: Caller, project: ProjectRow) -> None:
    """Have the pool scored and a version trained, now that answers mean something else."""
    jobs.enqueue(session, Job.SCORE, key=f"score:{project.id}", project_id=project.id)
    try:
        request_training(session, caller, project)
    except TooLittleToLearn:
        return
