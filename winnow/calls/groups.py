"""Many at once: groups of like items, and the map of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.connection import Connection, v1
from winnow.schemas_groups import Group, Groups, Map

if TYPE_CHECKING:
    from collections.abc import Sequence


class GroupCalls(Connection):
    """Calls about many items at once."""

    def groups(
        self,
        slug: str,
        *,
        category: str | None = None,
        min_confidence: float | None = None,
        limit: int | None = None,
        size: int | None = None,
    ) -> list[Group]:
        """Groups of like undecided items that get the same answer, those first of which one look settles most.

        Args:
            slug: the project.
            category: only of this predicted category.
            min_confidence: only items answered at least as surely (0 to 1).
            limit: how many groups at most.
            size: how many items a group has at most.
        """
        path = v1("projects", slug, "groups")
        answer = self._get(path, Groups, category=category, min_confidence=min_confidence, limit=limit, size=size)
        return answer.items

    def group_items(self, slug: str, item_ids: Sequence[str]) -> list[Group]:
        """The given items grouped by the answer they would get; those that may not be in a group are left out."""
        return self._get(v1("projects", slug, "groups"), Groups, item_id=list(item_ids)).items if item_ids else []

    def map(self, slug: str, limit: int | None = None) -> Map:
        """Items laid out on a plane so that what is alike lies together."""
        return self._get(v1("projects", slug, "map"), Map, limit=limit)
