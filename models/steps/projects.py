"""Projects, their categories and their members."""

import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam, delete, exists, func, select
from sqlalchemy.orm import Session

from models import jobs
from models.errors import AlreadyThere, BadReference, Conflict, Forbidden, Invalid, Missing, Place, Problem
from models.project_settings import ProjectSettings
from models.steps.accounts import Caller, record
from models.steps.shortcuts import check_shortcut
from models.store.queries.projects import categories_of
from models.store.tables import (
    CategoryChangeRow,
    CategoryRow,
    DecisionCategoryRow,
    DecisionRow,
    MemberRow,
    ProjectRow,
    UserRow,
)
from models.store.upsert import insert_new
from models.vocabulary import Job, Role, Surgery, TaskKind

_MAX_SLUG = 60
_MAX_NUMBER = 99_999
_MAX_CATEGORIES = 2_000
_MAX_NAME = 200
_PARENT = ("body", "parent_id")
_BY_SLUG = select(ProjectRow).where(ProjectRow.slug == bindparam("slug"))


@dataclass(frozen=True, slots=True)
class NewCategory:
    """A category to be; `parent` names another one of the project or of the same request."""

    name: str
    description: str = ""
    parent: str | None = None
    shortcut: str | None = None


def create_project(
    session: Session,
    caller: Caller,
    *,
    name: str,
    slug: str | None = None,
    task: TaskKind = TaskKind.SINGLE,
    text_fields: Sequence[str] = (),
    categories: Sequence[NewCategory] = (),
    settings: Mapping[str, Any] | None = None,
) -> ProjectRow:
    """Create a project; without a slug, one is made from the name, and numbered where another project has it.

    Raises:
        AlreadyThere: the slug is taken; where none was given, by a project of the same name.
        Invalid: a name is empty, or two categories have the same one.
        Forbidden: it is to be for members only, and the caller cannot be one.
    """
    cleaned = _clean(name, ("body", "name"))
    project = ProjectRow(
        slug=_free_slug(session, cleaned) if slug is None else _checked_slug(session, slug),
        name=cleaned,
        task=task,
        text_fields=list(text_fields),
        settings=_settings({}, settings or {}),
        salt=secrets.token_hex(16),
    )
    session.add(project)
    session.flush()
    if caller.user_id is not None:
        session.add(MemberRow(project_id=project.id, user_id=caller.user_id))
    _check_stays(caller, project)
    for place, category in enumerate(categories):
        add_category(session, caller, project, category, ("body", "categories", place))
    record(session, caller, "project.create", project.slug)
    return project


def settings_of(project: ProjectRow) -> ProjectSettings:
    """A project's settings, defaults filled in; those that only a later release knows do not count here."""
    return ProjectSettings.model_validate(_known(project.settings))


def find_project(session: Session, caller: Caller, slug: str) -> ProjectRow:
    """The project of that slug, as far as the caller may know of it. Raises Missing."""
    project = session.scalar(_BY_SLUG, {"slug": slug})
    if project is None or not may_see(session, caller, project):
        raise Missing(f"there is no project {slug!r}")
    return project


def may_see(session: Session, caller: Caller, project: ProjectRow) -> bool:
    """Whether a project exists for this caller."""
    if caller.role is Role.ADMIN or not settings_of(project).members_only:
        return True
    if caller.user_id is None:
        return False
    return session.get(MemberRow, (project.id, caller.user_id)) is not None


def _check_stays(caller: Caller, project: ProjectRow) -> None:
    """Raise Forbidden where a project would be gone for a program that closes it: only people are members."""
    if settings_of(project).members_only and caller.user_id is None and caller.role is not Role.ADMIN:
        raise Forbidden(
            "a project for members only does not exist for a key of this role, which cannot be a member: "
            "a person makes it so, or a key of the role admin"
        )


def update_project(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    *,
    name: str | None = None,
    text_fields: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> ProjectRow:
    """Change what is given and leave the rest; settings are merged into those there are.

    Who makes it one for members only is a member from then on.

    Raises:
        Forbidden: it is to be for members only, and the caller cannot be one.
    """
    if name is not None:
        project.name = _clean(name, ("body", "name"))
    if text_fields is not None:
        project.text_fields = list(text_fields)
    if settings is not None:
        project.settings = _settings(project.settings, settings)
        _check_stays(caller, project)
        if settings_of(project).members_only and caller.user_id is not None and caller.role is not Role.ADMIN:
            insert_new(session, MemberRow, [{"project_id": project.id, "user_id": caller.user_id}])
        if "reviews_per_item" in settings:  # what nobody holds yet is asked anew, of so many people
            jobs.enqueue(session, Job.QUEUE, key=f"queue:{project.id}", project_id=project.id)
    record(session, caller, "project.update", project.slug, {"settings": dict(settings or {})})
    session.flush()
    return project


def delete_project(session: Session, caller: Caller, project: ProjectRow) -> None:
    """Delete a project with all it has."""
    record(session, caller, "project.delete", project.slug)
    # A category that decisions name cannot go before they do, and the cascade keeps no such order.
    session.execute(delete(DecisionRow).where(DecisionRow.project_id == project.id))
    session.delete(project)
    session.flush()


def add_category(
    session: Session, caller: Caller, project: ProjectRow, category: NewCategory, where: Place = ("body",)
) -> CategoryRow:
    """Add a category.

    Args:
        where: the category's place in the request, for what is wrong with it.

    Raises:
        Invalid: its name cannot be one, or the project has as many as it may have.
        AlreadyThere: the project has one of that name or with that key (without regard to case).
        BadReference: the parent is not there.
    """
    there = categories_of(session, project.id)
    if len(there) >= _MAX_CATEGORIES:
        rule = f"a project has at most {_MAX_CATEGORIES} categories"
        raise Invalid(rule, problems=[Problem(where, rule)])
    name = _clean(category.name, (*where, "name"))
    if any(row.name_key == name_key(name) for row in there):
        raise AlreadyThere(f"the project has a category {name!r} already")
    check_shortcut(session, project, category.shortcut, where=where)
    row = CategoryRow(
        project_id=project.id,
        name=name,
        name_key=name_key(name),
        description=category.description.strip(),
        parent_id=_parent(there, category.parent, (*where, "parent")),
        shortcut=category.shortcut,
    )
    session.add(row)
    mark_categories(project)
    session.flush()
    record(session, caller, "category.create", f"{project.slug}/{row.id}", {"name": name})
    return row


def find_category(session: Session, project: ProjectRow, category_id: int) -> CategoryRow:
    """A category of this project. Raises Missing."""
    row = session.get(CategoryRow, category_id)
    if row is None or row.project_id != project.id:
        raise Missing(f"the project has no category {category_id}")
    return row


def update_category(
    session: Session, caller: Caller, project: ProjectRow, category_id: int, changes: Mapping[str, Any]
) -> CategoryRow:
    """Change a category: `name`, `description`, `parent_id`, `shortcut`, `archived`."""
    edit_category(session, caller, project, category_id, changes)
    return find_category(session, project, category_id)


def edit_category(
    session: Session,
    caller: Caller,
    project: ProjectRow,
    category_id: int,
    changes: Mapping[str, Any],
    says: Sequence[str] = (),
    *,
    remember: bool = True,
) -> CategoryChangeRow | None:
    """The same, remembered so that it can be taken back; None where nothing differs.

    Args:
        says: what it means, in sentences.
    """
    row = find_category(session, project, category_id)
    wanted = dict(changes)
    if "name" in wanted:
        wanted["name"] = _free_name(session, project, row, wanted["name"])
    if "parent_id" in wanted:
        wanted["parent_id"] = _checked_parent(session, project, row, wanted["parent_id"])
    if row.merged_into_id is not None and wanted.get("archived") is False:
        raise Conflict(f"{row.name} was merged into another category: take that back instead")
    wanted = {field: value for field, value in wanted.items() if getattr(row, field) != value}
    if not wanted.get("archived", row.archived) and wanted.keys() & {"shortcut", "archived"}:
        check_shortcut(session, project, wanted.get("shortcut", row.shortcut), row)
    before = {field: getattr(row, field) for field in wanted}
    for field, value in wanted.items():
        setattr(row, field, value)
    row.name_key = name_key(row.name)
    made = None
    if wanted and remember:
        made = CategoryChangeRow(
            project_id=project.id,
            category_id=row.id,
            kind=Surgery.EDIT,
            before=before,
            after=wanted,
            says=list(says),
            actor=caller.key,
            actor_name=caller.name,
        )
        session.add(made)
    mark_categories(project)
    session.flush()
    record(session, caller, "category.update", f"{project.slug}/{row.id}", dict(changes))
    return made


def delete_category(session: Session, caller: Caller, project: ProjectRow, category_id: int) -> None:
    """Remove a category; one with decisions is archived, so that no decision loses its meaning."""
    row = find_category(session, project, category_id)
    given = exists().where(DecisionCategoryRow.category_id == row.id)
    stood_for = exists().where(CategoryRow.merged_into_id == row.id)
    used = row.merged_into_id is not None or session.scalar(select(given | stood_for))
    if used:
        edit_category(session, caller, project, category_id, {"archived": True})
    else:
        session.delete(row)
    mark_categories(project)
    session.flush()
    record(session, caller, "category.delete", f"{project.slug}/{category_id}", {"archived": bool(used)})


def put_member(session: Session, caller: Caller, project: ProjectRow, user_id: int) -> None:
    """Make a person a member; to do it twice is to do it once. Raises Missing for an unknown person."""
    if session.get(UserRow, user_id) is None:
        raise Missing(f"there is no user {user_id}")
    insert_new(session, MemberRow, [{"project_id": project.id, "user_id": user_id}])
    record(session, caller, "member.add", f"{project.slug}/{user_id}")


def remove_member(session: Session, caller: Caller, project: ProjectRow, user_id: int) -> None:
    """End a membership. Raises Missing where there is none."""
    row = session.get(MemberRow, (project.id, user_id))
    if row is None:
        raise Missing(f"user {user_id} is not a member")
    session.delete(row)
    record(session, caller, "member.remove", f"{project.slug}/{user_id}")


def _free_name(session: Session, project: ProjectRow, row: CategoryRow, wanted: str) -> str:
    name = _clean(wanted, ("body", "name"))
    twin = session.scalar(
        select(CategoryRow.id).where(
            CategoryRow.project_id == project.id, CategoryRow.name_key == name_key(name), CategoryRow.id != row.id
        )
    )
    if twin is not None:
        raise AlreadyThere(f"the project has a category {name!r} already")
    return name


def _checked_slug(session: Session, slug: str) -> str:
    if slug != _slugify(slug):
        rule = f"must be lower-case letters, digits and single hyphens, 1 to {_MAX_SLUG} long"
        raise Invalid(f"the slug {slug!r} {rule}", problems=[Problem(("body", "slug"), rule)])
    if session.scalar(select(func.count()).where(ProjectRow.slug == slug)):
        raise AlreadyThere(f"there is a project {slug!r} already")
    return slug


def _free_slug(session: Session, name: str) -> str:
    """What an address can hold of a name; where another name has left the same, with a number behind it."""
    slug = _slugify(name)
    stem = slug[: _MAX_SLUG - len(f"-{_MAX_NUMBER}")].rstrip("-")
    there = session.execute(select(ProjectRow.slug, ProjectRow.name).where(ProjectRow.slug.startswith(stem))).tuples()
    names = dict(there.all())
    if slug not in names:
        return slug
    if name in names.values():
        raise AlreadyThere(f"there is a project {name!r} already")
    return next(one for number in count(2) if (one := f"{stem}-{number}") not in names)


def _slugify(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_SLUG].strip("-") or "project"


def _clean(name: str, where: Place) -> str:
    cleaned = " ".join(name.split())
    if not cleaned:
        raise Invalid("a name cannot be empty", problems=[Problem(where, "must not be empty")])
    if len(cleaned) > _MAX_NAME:
        told = f"must have at most {_MAX_NAME} characters"
        raise Invalid(f"a name has at most {_MAX_NAME} characters", problems=[Problem(where, told)])
    return cleaned


def name_key(name: str) -> str:
    """What tells categories apart: the name without regard to case, width, ligatures and white space."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())[:_MAX_NAME]


def _settings(present: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    try:
        changed = ProjectSettings.model_validate({**_known(present), **changes}).model_dump(mode="json")
    except ValidationError as error:
        problems = [Problem(("body", "settings", *fault["loc"]), fault["msg"]) for fault in error.errors()]
        raise Invalid("the settings cannot be used", problems=problems) from error
    return {**present, **changed}


def _known(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is stored, the settings that this release has: while releases change, two of them share the database."""
    return {name: value for name, value in kept.items() if name in ProjectSettings.model_fields}


def mark_categories(project: ProjectRow) -> None:
    """Let everybody who keeps this project's categories at hand see that they are others now."""
    project.categories_mark = secrets.token_hex(8)


def _parent(there: Sequence[CategoryRow], name: str | None, where: Place) -> int | None:
    if name is None:
        return None
    for row in there:
        if row.name_key == name_key(name):
            return row.id
    message = f"the parent category {name!r} is not there; name it before its children"
    raise BadReference(message, problems=[Problem(where, "is not there")])


def _checked_parent(session: Session, project: ProjectRow, row: CategoryRow, parent_id: int | None) -> int | None:
    if parent_id is None:
        return None
    by_id = {category.id: category for category in categories_of(session, project.id)}
    if parent_id not in by_id:
        message = f"the parent category {parent_id} is not there"
        raise BadReference(message, problems=[Problem(_PARENT, "is not there")])
    above: int | None = parent_id
    while above is not None:
        if above == row.id:
            problem = Problem(_PARENT, "is the category itself, or stands below it")
            raise Invalid("a category cannot stand below itself", problems=[problem])
        above = by_id[above].parent_id
    return parent_id
