"""What waits for a job learns that it will not be done: nothing is left in the middle for ever."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import jobs
from models.steps.ingest import announce
from models.steps.train import training_failed
from models.store.tables import ImportRow, JobRow
from models.vocabulary import DEADLY, Job, JobStatus


def let_go(session: Session, job: JobRow) -> None:
    """Bring the version or the import of a job to its end where the job came to one without doing it."""
    if not job.status.ended:
        return
    if job.kind is Job.TRAIN:
        training_failed(session, job.id, job.error or "its job was stopped")
    if job.kind is Job.IMPORT:
        row = session.scalar(select(ImportRow).where(ImportRow.job_id == job.id))
        if row is not None and not row.status.ended:
            row.status = JobStatus.CANCELLED if job.status is JobStatus.CANCELLED else JobStatus.FAILED
            row.error = job.error
            announce(session, row)
    if job.error and job.error.startswith(DEADLY) and job.kind is not Job.ALERTS:
        jobs.enqueue(session, Job.ALERTS, key="alerts")  # whoever waits for alerts hears of it at once


def cancel(session: Session, job: JobRow) -> None:
    """Have a job stopped: at once where it waits, at its next step where it runs."""
    session.refresh(job, with_for_update=True)
    jobs.cancel(job)
    let_go(session, job)
    session.flush()
