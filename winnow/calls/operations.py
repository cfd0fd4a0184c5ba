"""Jobs, health and alerts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from winnow.connection import Connection, v1
from winnow.errors import ConnectionFailed, JobFailed, ServerError, WaitTimedOut
from winnow.parsing import told
from winnow.schemas import Job
from winnow.schemas_insight import Alert, Health, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_LOOK = 0.1
_LONGEST_LOOK = 2.0
_LONGEST_ABSENCE = 300.0
_AWAY = frozenset({502, 503, 504})


class OperationCalls(Connection):
    """Calls about long work and about the server itself."""

    def job(self, job_id: str) -> Job:
        """A job as it stands."""
        return self._get(v1("jobs", job_id), Job)

    def wait(
        self,
        job_id: str,
        *,
        on_progress: Callable[[Job], None] | None = None,
        timeout: float | None = None,
    ) -> Job:
        """Waits until a job has succeeded, looking more rarely the longer it takes.

        A server that goes away meanwhile (an API that is restarted, say) is waited for, for five minutes.

        Args:
            job_id: the job.
            on_progress: called with the job each time it was looked at.
            timeout: seconds after which to give up; the job goes on.

        Raises:
            JobFailed: where it failed or was cancelled.
            WaitTimedOut: where it goes on after `timeout`.
            ConnectionFailed: where the server does not come back.
        """
        started = seen = time.monotonic()
        pause = _FIRST_LOOK
        job: Job | None = None
        while True:
            try:
                job = self.job(job_id)
            except (ConnectionFailed, ServerError) as error:
                if job is None or not _passing(error) or time.monotonic() - seen > _LONGEST_ABSENCE:
                    raise
            else:
                seen = time.monotonic()
                if on_progress is not None:
                    on_progress(job)
                if job.status == "succeeded":
                    return job
                if job.ended:
                    raise JobFailed(job)
            if timeout is not None and time.monotonic() - started + pause > timeout:
                raise WaitTimedOut(job, timeout)
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_LOOK)

    def cancel_job(self, job_id: str) -> Job:
        """Asks a job to stop."""
        return self._post(v1("jobs", job_id, "cancel"), Job)

    def health(self) -> Health:
        """Whether the API process lives; raises `ConnectionFailed` where it does not."""
        return told(self._read("GET", "/healthz", signed=False, patient=False), Health)

    def ready(self) -> Readiness:
        """Whether everything is there, part by part; unreadiness is an answer, not an error."""
        return told(self._send("GET", "/readyz", signed=False, patient=False), Readiness)

    def alerts(self) -> list[Alert]:
        """The alerts that fire now, and those lately resolved."""
        return list(self._pages(v1("alerts"), Alert))


def _passing(error: ConnectionFailed | ServerError) -> bool:
    return isinstance(error, ConnectionFailed) or error.status in _AWAY
