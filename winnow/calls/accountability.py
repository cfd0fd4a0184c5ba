"""For those who answer for it: the work done, where versions come from, what was erased, who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winnow.connection import Connection, v1
from winnow.schemas_accountability import Checked, Erased, Limits, Lineage, LogEntry, Throughput

if TYPE_CHECKING:
    from collections.abc import Iterator


class AccountabilityCalls(Connection):
    """Calls of those who answer for the results."""

    def throughput(self, slug: str, days: int | None = None) -> Throughput:
        """What reviewers decided by day, and how long a decision takes them."""
        return self._get(v1("projects", slug, "throughput"), Throughput, days=days)

    def lineage(self, slug: str, number: int) -> Lineage:
        """Whose decisions a version learnt from, and when it served."""
        return self._get(v1("projects", slug, "models", number, "lineage"), Lineage)

    def audited(self, slug: str, number: int) -> list[Checked]:
        """The blind audits that a version did not learn from, newest first, with what it answers to each."""
        return list(self._pages(v1("projects", slug, "models", number, "audited"), Checked, limit=None))

    def bundle(self, slug: str, number: int) -> bytes:
        """A version's files as a zip archive; `download_bundle` holds less of it at a time."""
        return self._read("GET", v1("projects", slug, "models", number, "bundle")).content

    def download_bundle(self, slug: str, number: int) -> Iterator[bytes]:
        """The same as a stream of bytes."""
        return self._download(v1("projects", slug, "models", number, "bundle"))

    def erasures(self, slug: str) -> Iterator[Erased]:
        """The items that were erased, newest first, with what is left of each now."""
        return self._pages(v1("projects", slug, "erasures"), Erased)

    def audit_log(self, *, action: str | None = None, subject: str | None = None) -> Iterator[LogEntry]:
        """Who did what to what, newest first; `action` and `subject` are beginnings."""
        return self._pages(v1("audit-log"), LogEntry, action=action, subject=subject)

    def limits(self) -> Limits:
        """How often each caller may ask, and what was used of the present minute."""
        return self._get(v1("limits"), Limits)
