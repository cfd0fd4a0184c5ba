"""Findings: likely errors, agreement, drift, what is new, and what more decisions would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.connection import Connection, new_key, v1
from winnow.schemas_findings import Agreement, Drift, Forecast, LabelError, Newcomer, Novelty

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class FindingCalls(Connection):
    """Calls about what Winnow finds out."""

    def label_errors(self, slug: str) -> Iterator[LabelError]:
        """Decisions that are most likely wrong, the likeliest first."""
        return self._pages(v1("projects", slug, "label-errors"), LabelError)

    def agreement(self, slug: str) -> Agreement:
        """How far reviewers agree with each other and with themselves."""
        return self._get(v1("projects", slug, "agreement"), Agreement)

    def drift(self, slug: str, days: int | None = None) -> Drift:
        """What came in within the last days against what was there when the serving version was trained."""
        return self._get(v1("projects", slug, "drift"), Drift, days=days)

    def novelty(self, slug: str, limit: int | None = None) -> Novelty:
        """Groups of undecided items that fit no category."""
        return self._get(v1("projects", slug, "novelty"), Novelty, limit=limit)

    def make_category(
        self, slug: str, name: str, item_ids: Sequence[str], *, description: str = "", ask: int = 50
    ) -> Newcomer:
        """Makes a category of items that fit none, and asks people first about `ask` items that are like them."""
        body = {"name": name, "description": description, "item_ids": list(item_ids), "ask": ask}
        return self._post(v1("projects", slug, "novelty", "category"), Newcomer, body, key=new_key())

    def forecast(self, slug: str) -> Forecast:
        """What more decisions would bring, and whether to stop."""
        return self._get(v1("projects", slug, "forecast"), Forecast)
