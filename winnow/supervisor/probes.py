"""Is it healthy? Each probe looks once, briefly, and never raises."""

from __future__ import annotations

import httpx2
from pydantic import ValidationError

from winnow.schemas_insight import Readiness

_PATIENCE = httpx2.Timeout(5.0, connect=1.0)
_OK = 200


class Probes:
    """Looks at the API and the pages over one connection pool.

    Args:
        api_url: address of the API.
        ui_url: address of the pages.
        workers: how many workers must have said that they live.
    """

    def __init__(self, api_url: str, ui_url: str, workers: int) -> None:
        self._api_url = api_url
        self._ui_url = ui_url
        self._workers = workers
        # Not by a proxy of the environment: these are processes of this machine.
        self._http = httpx2.Client(timeout=_PATIENCE, trust_env=False)

    def api(self) -> str | None:
        """What still keeps the API and the workers from being ready; None where nothing does."""
        try:
            answer = self._http.get(f"{self._api_url}/readyz")
            readiness = Readiness.model_validate_json(answer.content)
        except (httpx2.TransportError, ValidationError):
            return "the API does not answer yet"
        if not readiness.ready:
            bad = [f"{name}: {part.detail or 'not there'}" for name, part in readiness.parts.items() if not part.ok]
            return "; ".join(bad) or "the API is not ready"
        workers = readiness.parts.get("workers")
        seen = 0 if workers is None or workers.count is None else workers.count
        return None if seen >= self._workers else f"{seen} of {self._workers} workers have reported"

    def ui(self) -> str | None:
        """What still keeps the pages from being ready; None where nothing does."""
        try:
            answer = self._http.get(f"{self._ui_url}/_stcore/health")
        except httpx2.TransportError:
            return "the pages do not answer yet"
        return None if answer.status_code == _OK else f"the pages answer {answer.status_code}"

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()
