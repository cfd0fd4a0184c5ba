"""What changing a category means, before it is done: in numbers, and in sentences for whoever decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.steps.suspension import terms_of
from models.store.queries.decisions import Labels, labels_as_of
from models.store.tables import CategoryRow, ProjectRow, VersionRow


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means.

    Attributes:
        decisions: items that have the category.
        audits: blind audits among them.
        moved: items that would have another category afterwards.
        asked: items about which people would be asked again.
        versions: numbers of the versions that know the category, newest first.
        threshold: the serving version's (lowest) automation threshold, where the change touches what it promises.
        trains: whether a version is trained at once.
        says: the same in sentences.
    """

    decisions: int
    audits: int
    versions: list[int]
    moved: int = 0
    asked: int = 0
    threshold: float | None = None
    trains: bool = False
    says: list[str] = field(default_factory=list)


def in_force(session: Session, project: ProjectRow, row: CategoryRow) -> Labels:
    """The items that have a category now."""
    labels = labels_as_of(session, project.id)
    return labels.where(labels.category == row.id)


def of_edit(session: Session, project: ProjectRow, row: CategoryRow, fields: Mapping[str, Any]) -> Effect:
    """Of other words, another place, or of archiving and taking out of the archive."""
    labels = in_force(session, project, row)
    said = []
    if "name" in fields and fields["name"] != row.name:
        said.append(
            f"{row.name} is called {fields['name']} from now on, in {_count(len(labels), 'decision')} made before too. "
            "Programs that still send the old name are told that it is unknown."
        )
    if "description" in fields and fields["description"] != row.description:
        said.append("The next version reads the new description; with few decisions that changes its answers.")
    if "parent_id" in fields and fields["parent_id"] != row.parent_id:
        parent = session.get(CategoryRow, fields["parent_id"] or 0)
        where = f"below {parent.name}" if parent is not None else "at the top"
        said.append(f"{row.name} stands {where}. Decisions and versions stay as they are.")
    archived = fields.get("archived", row.archived)
    turned = archived != row.archived
    if turned and archived:
        said.append(
            f"Nobody can choose {row.name} any more and no version answers with it. "
            f"{_count(len(labels), 'decision')} stay as they are and are not learnt from."
        )
    elif turned:
        said.append(f"{row.name} can be chosen again, and {_count(len(labels), 'decision')} are learnt from again.")
    return _effect(session, project, row, labels, said, trains=turned, promises=turned and archived)


def of_merger(session: Session, project: ProjectRow, row: CategoryRow, into: CategoryRow) -> Effect:
    """Of two categories that become one."""
    labels = in_force(session, project, row)
    there = len(in_force(session, project, into))
    said = [
        f"{_count(len(labels), 'decision')} for {row.name} count for {into.name}, which has {there} of its own.",
        "None of them is changed, so that the merger can be taken back.",
        f"Whatever version answers, its {row.name} is {into.name} from now on, in accuracy too.",
        f"Programs may go on sending {row.name}: it is understood as {into.name}.",
    ]
    effect = _effect(session, project, row, labels, said, moved=len(labels), trains=True, promises=True)
    return _suspending(effect, f"Nothing was promised of {into.name} as it is then")


def of_split(
    session: Session, project: ProjectRow, row: CategoryRow, name: str, item_ids: Sequence[int], ask: int
) -> Effect:
    """Of items that go from a category to a new one."""
    labels = in_force(session, project, row)
    moved = len(set(item_ids))
    asked = min(ask, len(labels) - moved)
    said = [
        f"{_count(moved, 'item')} of {row.name} become {name}, each by a decision of yours.",
        f"{_count(len(labels) - moved, 'item')} stay {row.name}.",
    ]
    if asked:
        said.append(f"People are asked about {asked} of those that stay, the likeliest {name} first.")
    effect = _effect(session, project, row, labels, said, moved=moved, asked=asked, trains=True, promises=True)
    return _suspending(effect, f"No version knows {name} yet")


def _effect(
    session: Session,
    project: ProjectRow,
    row: CategoryRow,
    labels: Labels,
    said: list[str],
    *,
    moved: int = 0,
    asked: int = 0,
    trains: bool = False,
    promises: bool = False,
) -> Effect:
    """The numbers that all changes have in common."""
    audits = int(labels.audit.sum())
    versions = session.scalars(
        select(VersionRow)
        .where(VersionRow.project_id == project.id, VersionRow.sha256.is_not(None))
        .order_by(VersionRow.number.desc())
    ).all()
    know = [one for one in versions if row.id in _known(one)]
    serving = next((one for one in know if one.number == project.serving_number), None)
    threshold = None
    if serving is not None and promises:
        terms = terms_of(project, serving.automation)
        threshold = terms.threshold if terms.threshold is not None else min(terms.by_category.values(), default=None)
    if moved and audits:
        said.append(f"{_count(audits, 'blind audit')} of {row.name} stay audits, by their new name where it changes.")
    if trains:
        said.append("A version is trained at once.")
    return Effect(
        decisions=len(labels),
        audits=audits,
        versions=[one.number for one in know],
        moved=moved,
        asked=asked,
        threshold=threshold,
        trains=trains,
        says=said,
    )


def _suspending(effect: Effect, why: str) -> Effect:
    """The same, saying what becomes of automation where there is any."""
    if effect.threshold is not None:
        effect.says.append(f"{why}, so automation is suspended until the next version sets its threshold.")
    return effect


def _known(version: VersionRow) -> set[int]:
    return {one[0] for one in (version.snapshot or {}).get("categories", [])}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"
