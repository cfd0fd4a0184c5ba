"""Projects and their categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from winnow.connection import Connection, new_key, v1
from winnow.parsing import told
from winnow.schemas import Category, Project
from winnow.schemas_categories import CategoryChange, CategoryChanged, Guideline
from winnow.schemas_insight import Stats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class ProjectCalls(Connection):
    """Calls about projects and categories."""

    def projects(self) -> list[Project]:
        """The projects the caller may see."""
        return list(self._pages(v1("projects"), Project))

    def project(self, slug: str) -> Project:
        """One project with its categories."""
        return self._get(v1("projects", slug), Project)

    def create_project(
        self,
        name: str,
        *,
        task: str = "single",
        text_fields: Sequence[str] | None = None,
        categories: Sequence[str | Mapping[str, Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Project:
        """Makes a project.

        Args:
            name: what people see; the slug is made of it.
            task: `single` (one category an item) or `multi`.
            text_fields: which fields of a record are its text.
            categories: names, or objects with `name`, `description`, `parent` (the name of one before it), `shortcut`.
            settings: `retrain_every`, `audit_rate`, `target_accuracy`, `promotion`, and `reviews_per_item`, how many
                people answer each item.

        Raises:
            Conflict: where the name is taken.
        """
        body: dict[str, Any] = {"name": name, "task": task}
        if text_fields is not None:
            body["text_fields"] = list(text_fields)
        if categories is not None:
            body["categories"] = [_category(category) for category in categories]
        if settings is not None:
            body["settings"] = dict(settings)
        return self._post(v1("projects"), Project, body, key=new_key())

    def update_project(self, slug: str, *, if_match: str | None = None, **changes: Any) -> Project:
        """Changes a project: `name=`, `text_fields=`, `settings=`; with `if_match` only if it still has that `etag`."""
        return self._patch(v1("projects", slug), Project, changes, if_match=if_match)

    def delete_project(self, slug: str, *, if_match: str | None = None) -> None:
        """Deletes a project and everything in it; with `if_match` only if it still has that `etag`."""
        self._delete(v1("projects", slug), if_match=if_match)

    def categories(self, slug: str) -> list[Category]:
        """The categories of a project."""
        return list(self._pages(v1("projects", slug, "categories"), Category))

    def add_category(
        self,
        slug: str,
        name: str,
        *,
        description: str = "",
        parent_id: str | None = None,
        shortcut: str | None = None,
    ) -> Category:
        """Adds a category; a good description makes the first predictions better."""
        body = {"name": name, "description": description, "parent_id": parent_id, "shortcut": shortcut}
        given = {field: value for field, value in body.items() if value is not None}
        return self._post(v1("projects", slug, "categories"), Category, given, key=new_key())

    def category(self, slug: str, category_id: str) -> Category:
        """A category by itself, with its `etag`."""
        return self._get(v1("projects", slug, "categories", category_id), Category)

    def update_category(self, slug: str, category_id: str, *, if_match: str | None = None, **changes: Any) -> Category:
        """Changes a category: `name=`, `description=`, `parent_id=`, `shortcut=`, `archived=`.

        With `if_match` only if it still has that `etag`.
        """
        path = v1("projects", slug, "categories", category_id)
        return self._patch(path, Category, changes, if_match=if_match)

    def delete_category(self, slug: str, category_id: str, *, if_match: str | None = None) -> None:
        """Removes a category; one with decisions is archived instead."""
        self._delete(v1("projects", slug, "categories", category_id), if_match=if_match)

    def change_category(
        self, slug: str, category_id: str, kind: str, *, dry_run: bool = False, **given: Any
    ) -> CategoryChanged:
        """Edits, merges or splits a category; with `dry_run` says what that would mean, and changes nothing.

        Args:
            slug: the project.
            category_id: the category.
            kind: `edit` (`name=`, `description=`, `parent_id=`, `shortcut=`, `archived=`), `merge` (`into_id=`, the
                category that stays) or `split` (`name=` and `description=` of the new one, `item_ids=` that go to
                it, `ask=`, how many of the others people are asked about again).
            dry_run: only look.
            given: what that kind of change takes.
        """
        path = v1("projects", slug, "categories", category_id, "changes")
        body = {"kind": kind, **given}
        if dry_run:
            return told(self._read("POST", path, json=body, params={"dry_run": "true"}), CategoryChanged)
        return self._post(path, CategoryChanged, body, key=new_key())

    def category_changes(self, slug: str) -> Iterator[CategoryChange]:
        """What was done to the categories, newest first."""
        return self._pages(v1("projects", slug, "category-changes"), CategoryChange)

    def undo_category_change(self, slug: str, change_id: str) -> None:
        """Takes a change of a category back; decisions made since stay as they are.

        Raises:
            Conflict: where a later change stands on it.
        """
        self._delete(v1("projects", slug, "category-changes", change_id))

    def guideline(self, slug: str, category_id: str) -> Guideline:
        """A category as people use it: its words, examples for and against, open questions."""
        return self._get(v1("projects", slug, "categories", category_id, "guideline"), Guideline)

    def stats(self, slug: str) -> Stats:
        """Where a project stands."""
        return self._get(v1("projects", slug, "stats"), Stats)


def _category(given: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"name": given} if isinstance(given, str) else dict(given)
