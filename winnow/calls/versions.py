"""Versions: training, promoting, comparing, and how accurate they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from winnow.connection import Connection, new_key, v1
from winnow.schemas import Job
from winnow.schemas_insight import Automation, Comparison, HonestAccuracy, Shadow, Version

if TYPE_CHECKING:
    from datetime import datetime


class VersionCalls(Connection):
    """Calls about versions."""

    def train(self, slug: str) -> Job:
        """Starts training. Raises `Conflict` where there is too little to learn from."""
        return self._post(v1("projects", slug, "train"), Job, key=new_key())

    def reproduce(self, slug: str, number: int) -> Job:
        """Starts making a version again; the job's `result` says whether it is the same, byte for byte."""
        return self._post(v1("projects", slug, "models", number, "reproduce"), Job, key=new_key())

    def versions(self, slug: str) -> list[Version]:
        """Every version, newest first."""
        return list(self._pages(v1("projects", slug, "models"), Version))

    def version(self, slug: str, number: int) -> Version:
        """One version with per-category precision, recall, support and the confusion counts."""
        return self._get(v1("projects", slug, "models", number), Version)

    def promote(self, slug: str, number: int, reason: str | None = None) -> Version:
        """Makes a version serve from now on."""
        body: dict[str, Any] = {} if reason is None else {"reason": reason}
        return self._post(v1("projects", slug, "models", number, "promote"), Version, body)

    def put_in_shadow(self, slug: str, number: int) -> Shadow:
        """Lets a version answer beside the serving one without being heard."""
        return self._post(v1("projects", slug, "models", number, "shadow"), Shadow)

    def take_out_of_shadow(self, slug: str, number: int) -> None:
        """Lets it answer no more."""
        self._delete(v1("projects", slug, "models", number, "shadow"))

    def shadow(self, slug: str) -> Shadow:
        """How far the version in shadow and the serving one differ on what both were asked."""
        return self._get(v1("projects", slug, "shadow"), Shadow)

    def rollback(self, slug: str) -> Version:
        """Makes the version serve that served before."""
        return self._post(v1("projects", slug, "models", "rollback"), Version, {})

    def compare(self, slug: str, first: int, second: int) -> Comparison:
        """Two versions on the same items, and the items whose answer changes."""
        return self._get(v1("projects", slug, "models", first, "compare", second), Comparison)

    def accuracy(self, slug: str, since: datetime | None = None, bucket: str = "day") -> list[HonestAccuracy]:
        """The trend of accuracy, from blind audits only."""
        start = None if since is None else since.isoformat()
        path = v1("projects", slug, "accuracy")
        return list(self._pages(path, HonestAccuracy, since=start, bucket=bucket, limit=None))

    def automation(self, slug: str, target: float | None = None) -> Automation:
        """What could be done without people at a target accuracy (0 to 1)."""
        return self._get(v1("projects", slug, "automation"), Automation, target=target)
