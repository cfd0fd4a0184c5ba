"""The categories with which records arrive: those of a file may be new, those of a request must be there."""

from collections.abc import Container, Iterable, Sequence

from sqlalchemy.orm import Session

from models.errors import BadReference, Invalid, Problem, WinnowError
from models.readers import Label, Record, RowError
from models.readers.records import excerpt
from models.steps.accounts import SYSTEM
from models.steps.decisions import resolve
from models.steps.items import NewItem
from models.steps.projects import NewCategory, add_category, name_key
from models.store.queries.categories import categories_by_name
from models.store.tables import ProjectRow
from models.vocabulary import TaskKind


def labels_of_file(
    session: Session, project: ProjectRow, given: Iterable[Label | None]
) -> tuple[dict[Label | None, list[int]], dict[Label | None, str]]:
    """The categories of a file's labels; new names become new categories, as far as a project can have more.

    Returns:
        The labels' category ids, and what is wrong with the others.
    """
    labels: dict[Label | None, list[int]] = {}
    faults: dict[Label | None, str] = {}
    for label in given:
        if label is None:
            continue
        try:
            names = _names(project, label, categories_by_name(session, project.id))
            labels[label] = list(dict.fromkeys(_category(session, project, name) for name in names))
        except WinnowError as error:
            faults[label] = error.detail
    return labels, faults


def bad_label(record: Record, fault: str) -> RowError:
    """What stands for a row whose label cannot be taken."""
    return RowError(record.line, 1, "bad-label", fault, excerpt(record.text))


def labels_of_records(session: Session, project: ProjectRow, items: Sequence[NewItem]) -> dict[int, list[int]]:
    """The category ids of records that name categories, by their places.

    Raises:
        BadReference: a category is unknown.
    """
    by_key = {name: row.id for name, row in categories_by_name(session, project.id).items()}
    labels: dict[int, list[int]] = {}
    problems = []
    for place, item in enumerate(items):
        if item.category is None:
            continue
        names = _names(project, item.category, by_key) if item.category.strip() else []
        found = [by_key[name_key(name)] for name in names if name_key(name) in by_key]
        if not found or len(found) < len(names):
            problems.append(Problem(("body", "items", place, "category"), f"unknown category {item.category!r}"))
        labels[place] = list(dict.fromkeys(found))
    if problems:
        raise BadReference("some items name categories that the project does not have", problems=problems)
    return labels


def _names(project: ProjectRow, label: Label, known: Container[str]) -> list[str]:
    """The names that a label holds: what stands in one cell is several where `|` parts it and no category is so called.

    Args:
        known: the `name_key` of each category.
    """
    if not isinstance(label, str):
        parts: Sequence[str] = label
    elif project.task is TaskKind.MULTI and name_key(label) not in known:
        parts = label.split("|")
    else:
        parts = [label]
    names = [part.strip() for part in parts if part.strip()]
    if not names:
        raise Invalid("the label is empty")
    if project.task is TaskKind.SINGLE and len({name_key(name) for name in names}) > 1:
        raise Invalid(f"an item of this project has one category, and here are {len(names)}: {', '.join(names)[:200]}")
    return names


def _category(session: Session, project: ProjectRow, name: str) -> int:
    try:
        return resolve(session, project, [name])[0]
    except BadReference:
        return add_category(session, SYSTEM, project, NewCategory(name)).id
