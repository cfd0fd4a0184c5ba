"""The keys by which people choose categories: each is that of one category of a project."""

from sqlalchemy.orm import Session

from models.errors import AlreadyThere, Place, Problem
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, ProjectRow


def check_shortcut(
    session: Session,
    project: ProjectRow,
    shortcut: str | None,
    row: CategoryRow | None = None,
    *,
    where: Place = ("body",),
) -> None:
    """See that no other category that people can choose has this key.

    Args:
        row: the category that is to have it, where that is there already.

    Raises:
        AlreadyThere: one has it.
    """
    if shortcut is None:
        return
    for one in categories_of(session, project.id, archived=False):
        if one is not row and one.shortcut is not None and one.shortcut.lower() == shortcut.lower():
            problem = Problem((*where, "shortcut"), f"is the key of {one.name}")
            raise AlreadyThere(f"the key {shortcut!r} is that of {one.name}: choose another one", problems=[problem])
