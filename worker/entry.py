"""What Redis calls: one attempt at one job, from claim to end."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import jobs, spans
from models.absence import absence, refusal
from models.errors import BundleBroken, Conflict, Invalid, LeaseLost, Unavailable, WinnowError
from models.runtime import Runtime
from models.steps.endings import let_go
from models.tracing import CausedBy
from models.work import SliceOver, Stopped, Work
from worker.handlers import HANDLERS
from worker.metrics import counted

_LOG = logging.getLogger("winnow.worker")
_RECORD_AGAIN_SECONDS = 1.0


class _Here:
    """The tools of this process, put in place by `worker.__main__` before it listens."""

    runtime: Runtime | None = None
    work: Work | None = None
    leaving = False


def equip(runtime: Runtime) -> None:
    """Give this process the tools with which it does its jobs."""
    _Here.runtime = runtime


def hurry() -> None:
    """Told to end: have the job in hand, if any, give way at its next block."""
    _Here.leaving = True
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
            CausedBy(claim.request_id),
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
        _record(work, lambda session: jobs.set_back(session, claim))
        return "set_back"
    except Stopped:
        _record(work, lambda session: let_go(session, jobs.cancelled(session, claim)))
        return "cancelled"
    except Exception as error:  # the one place that must outlive any job's bug
        return _hindered(work, error)
    return "succeeded"


def _hindered(work: Work, error: Exception) -> str:
    """Record that a job was not done, as a failure or because something is away. The outcome as the metrics call it."""
    claim, attempts = work.claim, work.runtime.settings.job_attempts
    away = absence(error)
    if away is not None:
        _LOG.warning("job %s %s is put off: %s (%s)", claim.id, claim.kind, away, error)
        _record(work, lambda session: let_go(session, jobs.put_off(session, claim, away)))
        return "put_off"
    said, final = _told(error)
    refused = isinstance(error, Invalid | Conflict)
    if not isinstance(error, WinnowError):
        _LOG.error("job %s %s failed", claim.id, claim.kind, exc_info=error)

    def fail(session: Session) -> None:
        row = jobs.fail(session, claim, said, attempts=attempts, final=final, refused=refused)
        let_go(session, row)

    _record(work, fail)
    return BundleBroken.code if isinstance(error, BundleBroken) else "failed"


def _told(error: Exception) -> tuple[str, bool]:
    """What went wrong, in a sentence, and whether it would again."""
    if isinstance(error, WinnowError):
        return error.detail, not isinstance(error, Unavailable)
    return refusal(error) or (f"{type(error).__name__}: {error}", False)


def _record(work: Work, end: Callable[[Session], object]) -> None:
    """Write down how a job ended, as soon as the database takes it; nothing where it is somebody else's by now."""
    while True:
        try:
            with work.runtime.database.transaction() as session:
                end(session)
        except LeaseLost:
            _LOG.warning("job %s: the lease was lost before its end could be recorded", work.claim.id)
        except SQLAlchemyError as error:
            if absence(error) is None or _Here.leaving:
                raise
            time.sleep(_RECORD_AGAIN_SECONDS)
            continue
        return


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
