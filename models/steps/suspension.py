"""Automation that suspends itself: when what audits find contradicts the promise, people decide again.

The promise is tested on the answers that the serving version itself gave to blind audits after it had been trained. It
stands again with the next version, which sets its own threshold, or when audits that come later agree with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from models.heads import Served
from models.learn.promise import Standing, standing
from models.steps.decisions import LABELLING
from models.steps.projects import settings_of
from models.store.queries.categories import merged_categories
from models.store.queries.decisions import categories_given, unlearnt
from models.store.tables import CategoryChangeRow, CategoryRow, DecisionRow, ProjectRow, VersionRow
from models.vocabulary import AutomationBy, Reason, Surgery, TaskKind

NEWEST_AUDITS = 200
"""The promise is held against so many of the newest accepted audits: an old good record hides no new trouble."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a version may answer without a person, as far as the project wants it.

    Attributes:
        by: of what the target is promised.
        threshold: least confidence of all such answers; None where there is none, or categories have their own.
        by_category: least confidence of answers that name a category, by its id.
        share: part of the pool that is accepted; None where nothing is.
        target: what was promised.
    """

    by: AutomationBy
    threshold: float | None
    by_category: dict[int, float]
    share: float | None
    target: float

    @property
    def any(self) -> bool:
        """Whether anything is promised."""
        return self.threshold is not None or bool(self.by_category)


def terms_of(project: ProjectRow, kept: Mapping[str, Any] | None) -> Terms:
    """The terms that stand in a version's row under `automation`, those of the project's choice."""
    settings, promise = settings_of(project), kept or {}
    target = promise.get("target", settings.target_accuracy)
    if settings.automation_by is AutomationBy.CATEGORY and project.task is TaskKind.SINGLE:
        own = {int(one): found["threshold"] for one, found in promise.get("by_category", {}).items()}
        least = {one: threshold for one, threshold in own.items() if threshold is not None}
        return Terms(AutomationBy.CATEGORY, None, least, promise.get("share_by_category"), target)
    return Terms(AutomationBy.PROJECT, promise.get("threshold"), {}, promise.get("share"), target)


def trusted(session: Session, project: ProjectRow, served: Served) -> Served:
    """The version as it may be believed now: while its automation is suspended, without its thresholds."""
    if served.threshold is None and not served.by_category:
        return served
    row = _version(session, project, served.number)
    if row is None or suspended(session, project, row) is not None:
        return replace(served, threshold=None, by_category={})
    terms = terms_of(project, row.automation)
    return replace(served, threshold=terms.threshold, by_category=terms.by_category)


def suspended(session: Session, project: ProjectRow, version: VersionRow) -> str | None:
    """Why a version's automation is suspended, in a sentence; None where it stands or never was."""
    terms = terms_of(project, version.automation)
    if not terms.any:
        return None
    wanted = settings_of(project).target_accuracy
    if wanted > terms.target:
        return (
            f"the target was raised to {wanted:.4g}, and version {version.number} promises {terms.target:.4g}: "
            "the next version sets a new threshold"
        )
    redrawn = _redrawn(session, project, version)
    if redrawn is not None:
        return f"{redrawn} since version {version.number} was trained: the next version sets a new threshold"
    found = _standing(session, project, version, terms)
    if not found.contradicted:
        return None
    return (
        f"of {found.accepted} audited answers that version {version.number} would have accepted, {found.correct} were "
        f"right; {found.target:.4g} of them were promised (one-sided exact test, p = {found.p_value:.2g})"
    )


def _redrawn(session: Session, project: ProjectRow, version: VersionRow) -> str | None:
    """How a line between categories was drawn anew that the version's promise knows nothing of."""
    made = CategoryChangeRow.undone_at.is_(None) & (CategoryChangeRow.created_at > version.created_at)
    undone = (CategoryChangeRow.undone_at > version.created_at) & (CategoryChangeRow.created_at <= version.created_at)
    found = session.execute(
        select(CategoryRow.name, CategoryChangeRow.kind, CategoryChangeRow.undone_at)
        .join(CategoryRow, CategoryRow.id == CategoryChangeRow.category_id)
        .where(
            CategoryChangeRow.project_id == project.id,
            CategoryChangeRow.kind.in_([Surgery.MERGE, Surgery.SPLIT]),
            or_(made, undone),
        )
        .order_by(CategoryChangeRow.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    done = "split" if found[1] is Surgery.SPLIT else "merged into another category"
    return f"{found[0]} was {done}{', and that taken back,' if found[2] is not None else ''}"


def suspended_now(session: Session, project: ProjectRow) -> str | None:
    """Why the serving version's automation is suspended; None where it is not."""
    row = _version(session, project, project.serving_number)
    return None if row is None else suspended(session, project, row)


def _version(session: Session, project: ProjectRow, number: int) -> VersionRow | None:
    return session.scalar(select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == number))


def _standing(session: Session, project: ProjectRow, version: VersionRow, terms: Terms) -> Standing:
    undoing = aliased(DecisionRow)
    asked = session.execute(
        select(DecisionRow.id, DecisionRow.predicted_category_ids)
        .where(
            DecisionRow.project_id == project.id,
            DecisionRow.reason == Reason.AUDIT,
            DecisionRow.id > version.decision_high_water,
            DecisionRow.predicted_number == version.number,
            _would_be_accepted(terms),
            DecisionRow.action.in_(LABELLING),
            DecisionRow.partial.is_(False),
            unlearnt(),
            ~exists().where(undoing.supersedes_id == DecisionRow.id),
        )
        .order_by(DecisionRow.id.desc())
        .limit(NEWEST_AUDITS)
    ).all()
    given = categories_given(session, [decision_id for decision_id, _ in asked])
    merged = merged_categories(session, project.id)
    right = sum({merged.get(one, one) for one in said or ()} == given[decision_id] for decision_id, said in asked)
    return standing(right, len(asked), terms.target)


def _would_be_accepted(terms: Terms) -> ColumnElement[bool]:
    if terms.threshold is not None:
        return DecisionRow.predicted_confidence >= terms.threshold
    return or_(
        *(
            and_(DecisionRow.predicted_category_id == one, DecisionRow.predicted_confidence >= least)
            for one, least in terms.by_category.items()
        )
    )
