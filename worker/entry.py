"""What Redis calls: one attempt at one job, from claim to end."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from sqlalchemy.orm import Session

from models import jobs, spans
from models.errors import BundleBroken, LeaseLost, Unavailable, WinnowError
from models.runtime import Runtime
from models.steps.endings import let_go
from models.tracing import caused_by
from models.work import SliceOver, Stopped, Work
from worker.handlers import HANDLERS
from worker.metrics import counted

_LOG = logging.getLogger("winnow.worker")


class _Here:
    """The tools of this process, put in place by `worker.__main__` before it listens."""

    runtime: Runtime | None = None
    work: Work | None = None


def equip(runtime: Runtime) -> None:
    """Give this process the tools with which it does its jobs."""
    _Here.runtime = runtime


def hurry() -> None:
    """Have the job in hand, if any, give way at its next block."""
    if _Here.work is not None:
        _Here.work.hurry()


def run(job_id: str) -> None:
    """Do a job, if it is still there to be done. Named by the doorbell; see `models.doorbell.ENTRY`."""
    if _Here.runtime is None:
        message = "equip() comes first"
        raise RuntimeError(message)
    perform(_Here.runtime, job_id)


def perform(runtime: Runtime, job_id: str) -> None:
    """Claim a job, do it, and record how it ended. Only what no job can help is raised."""
    settings = runtime.settings
    lease = timedelta(seconds=settings.job_lease_seconds)
    with runtime.database.transaction() as session:
        claim = jobs.claim(session, job_id, lease=lease, attempts=settings.job_attempts, let_go=let_go)
    if claim is None:
        return
    with suppress(Unavailable):  # the store is away: the job itself may not need it
        runtime.artifacts.tidy()
    runtime.half_read.sweep()
    _Here.work = Work(runtime, claim)
    _LOG.info("job %s %s begins, attempt %d", claim.id, claim.kind, claim.attempt)
    try:
        with (
            spans.span(f"job {claim.kind.value}", "CONSUMER", claim.traceparent, _attributes(claim)) as span,
            counted(claim.kind) as attempt,
            caused_by(claim.request_id),
        ):
            attempt.outcome = _attempt(_Here.work, lease)
            if span is not None:
                span.set_attribute("winnow.outcome", attempt.outcome)
    finally:
        _Here.work = None
    _LOG.info("job %s %s: %s", claim.id, claim.kind, attempt.outcome)


def _attributes(claim: jobs.Claim) -> dict[str, str | int | bool]:
    found: dict[str, str | int | bool] = {"winnow.job_id": claim.id, "winnow.attempt": claim.attempt}
    if claim.project_id is not None:
        found["winnow.project_id"] = claim.project_id
    if claim.request_id is not None:
        found["winnow.request_id"] = claim.request_id
    return found


def _attempt(work: Work, lease: timedelta) -> str:
    """Do the job. How it ended, as the metrics call it."""
    claim = work.claim
    try:
        with _renewing(work, lease):
            HANDLERS[claim.kind](work)
            if not work.ended:
                with work.completing():
                    pass
    except LeaseLost:
        _LOG.warning("job %s %s: the lease was lost, somebody else goes on", claim.id, claim.kind)
        return "lease_lost"
    except SliceOver:
        with _ending(work) as session:
            jobs.set_back(session, claim)
        return "set_back"
    except Stopped:
        with _ending(work) as session:
            let_go(session, jobs.cancelled(session, claim))
        return "cancelled"
    except WinnowError as error:
        _fail(work, error.detail, final=not isinstance(error, Unavailable))
        return error.code if isinstance(error, BundleBroken) else "failed"
    except Exception as error:  # the one place that must outlive any job's bug
        _LOG.exception("job %s %s failed", claim.id, claim.kind)
        _fail(work, f"{type(error).__name__}: {error}", final=False)
        return "failed"
    return "succeeded"


def _fail(work: Work, error: str, *, final: bool) -> None:
    with _ending(work) as session:
        let_go(session, jobs.fail(session, work.claim, error, attempts=work.runtime.settings.job_attempts, final=final))


@contextmanager
def _ending(work: Work) -> Iterator[Session]:
    """A transaction for how a job ended; nothing where the job is somebody else's by now."""
    try:
        with work.runtime.database.transaction() as session:
            yield session
    except LeaseLost:
        _LOG.warning("job %s: the lease was lost before its end could be recorded", work.claim.id)


@contextmanager
def _renewing(work: Work, lease: timedelta) -> Iterator[None]:
    """Keep the lease while the step runs, from a thread of its own: the step may be deep in a library."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(lease.total_seconds() / 3):
            try:
                work.renew(lease)
            except LeaseLost:
                return  # the step meets the same at its next transaction
            except Exception:
                _LOG.exception("the lease of job %s could not be renewed", work.claim.id)

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
