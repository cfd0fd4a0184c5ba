"""What is costly to measure and asked again and again, by scrapes and by the watch for alerts: kept for a while."""

import time
from typing import Any

from sqlalchemy.orm import Session

from models.errors import WinnowError
from models.runtime import Runtime
from models.steps.drift import drifted
from models.steps.hold_out import accuracy_now
from models.store.queries.project_figures import ProjectFigures
from models.store.tables import ProjectRow

_ACCURACY_SECONDS = 30.0
_DRIFT_SECONDS = 600.0
_DRIFT_DAYS = 7


class Accuracies:
    """Each project's accuracy now, measured anew only after a decision or promotion, and not at every scrape."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[tuple[int, int], float, dict[str, Any] | None]] = {}

    def of(self, runtime: Runtime, session: Session, one: ProjectFigures) -> dict[str, Any] | None:
        """As `models.steps.hold_out.accuracy_now`; None too where the version cannot be asked."""
        state = (one.row.serving_number, one.last_decision)
        kept = self._kept.get(one.row.id)
        if kept is not None and (kept[0] == state or time.monotonic() - kept[1] < _ACCURACY_SECONDS):
            return kept[2]
        try:
            fresh = accuracy_now(runtime, session, one.row)
        except WinnowError:
            fresh = None
        self._kept[one.row.id] = (state, time.monotonic(), fresh)
        return fresh


class Drifts:
    """Whether what comes in has changed, project by project: one is measured anew at a scrape, if its turn has come."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, bool | None]] = {}

    def known(self, runtime: Runtime, session: Session, rows: list[ProjectRow]) -> dict[int, bool]:
        """Whether it has, by project; one is absent until it was measured, and while its version cannot be asked."""
        stale = min(rows, key=lambda row: self._kept.get(row.id, (-_DRIFT_SECONDS, None))[0], default=None)
        if stale is not None:
            at, _ = self._kept.get(stale.id, (-_DRIFT_SECONDS, None))
            if time.monotonic() - at >= _DRIFT_SECONDS:
                self._kept[stale.id] = (time.monotonic(), _drifted(runtime, session, stale))
        known = {row.id: self._kept.get(row.id, (0.0, None))[1] for row in rows}
        return {project_id: found for project_id, found in known.items() if found is not None}


def _drifted(runtime: Runtime, session: Session, project: ProjectRow) -> bool | None:
    """None where the version cannot be asked: one broken bundle must not silence all other numbers and alerts."""
    try:
        return drifted(runtime, session, project, _DRIFT_DAYS).anything
    except WinnowError:
        return None
