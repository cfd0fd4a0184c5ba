"""Routes that will go: their answers say so by `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), as does the document.

A route of `/v1` changes or goes only with a `/v2`. Until its sunset it works as ever.
"""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Farewell:
    """When a route was given up, when it goes, and what takes its place.

    Attributes:
        since: from when on nothing new should use it.
        sunset: when it answers no longer; None while that is open.
        successor: the address of what takes its place, or of the page that explains it.
    """

    since: datetime
    sunset: datetime | None = None
    successor: str | None = None

    def headers(self) -> dict[str, str]:
        """What its answers bear."""
        told = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            told["Sunset"] = format_datetime(self.sunset, usegmt=True)
        if self.successor is not None:
            told["Link"] = f'<{self.successor}>; rel="successor-version"'
        return told


DEPRECATED: dict[tuple[str, str], Farewell] = {}
"""By method and path template, as in `("GET", "/v1/projects/{slug}/stats")`; none so far."""
