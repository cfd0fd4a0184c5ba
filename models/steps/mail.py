"""E-mail to those who run the system: left as a job beside what it is about, and sent until the server takes it.

What a server refuses for good is given up at once; a server that is away, or does not know us, is asked again for
a day. A message keeps its id, so one that was sent twice because a worker died in between can be told apart from two.
"""

import smtplib
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

from sqlalchemy.orm import Session

from models import jobs
from models.errors import Invalid
from models.mailing import send
from models.settings import Settings
from models.store.tables import AlertRow, JobRow
from models.store.types import utc_now
from models.vocabulary import Event, Job
from models.work import Work

KEPT_TRYING = timedelta(days=1)
"""For so long a message is tried."""

_FIRST_WAIT = timedelta(seconds=10)
_LONGEST_WAIT = timedelta(hours=1)
_FOR_GOOD = 500
_REFUSALS = (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)


def announce(
    session: Session, settings: Settings, row: AlertRow, event: Event, severity: str, slug: str | None
) -> None:
    """Leave a message about an alert behind this transaction; nothing where no mail server is set."""
    if not settings.smtp_host:
        return
    fires = event is Event.ALERT_FIRED
    words = row.name.value.replace("-", " ")
    place = "" if slug is None else f" in {slug}"
    lines = [
        f"{words.capitalize()}{place} ({severity})",
        "",
        f"{row.detail[:1].upper()}{row.detail[1:].rstrip('.')}.",
        "",
        f"First seen: {row.created_at:%Y-%m-%d %H:%M} UTC",
    ]
    if row.resolved_at is not None:
        lines.append(f"Over since: {row.resolved_at:%Y-%m-%d %H:%M} UTC")
    else:
        lines.append(f"What to do: docs/runbooks/{row.name.runbook}")
    subject = f"[Winnow] {'' if fires else 'Over: '}{words}{place}"
    payload = {"subject": subject, "text": "\n".join(lines) + "\n"}
    jobs.enqueue(session, Job.MAIL, key=f"mail:alert:{row.id}:{event.value}", payload=payload)


def run_mail(work: Work) -> None:
    """Hand the message to the mail server; come back later where it does not take it now."""
    settings, payload = work.runtime.settings, work.claim.payload
    with work.runtime.database.read() as session:
        left_at = session.get_one(JobRow, work.claim.id).created_at
    if not settings.smtp_host:
        raise Invalid("no mail server is set any more (WINNOW_SMTP_HOST)")
    try:
        send(settings, _message(settings, work.claim.id, left_at, payload["subject"], payload["text"]))
    except (OSError, smtplib.SMTPException) as error:
        why = _sentence(error)
        if _is_for_good(error) or utc_now() - left_at > KEPT_TRYING:
            raise Invalid(f"the mail server does not take the message: {why}") from error
        wait = min(max(utc_now() - left_at, _FIRST_WAIT), _LONGEST_WAIT)
        with work.putting_off(utc_now() + wait) as session:
            session.get_one(JobRow, work.claim.id).error = f"not sent yet: {why}"


def _message(settings: Settings, job_id: str, left_at: datetime, subject: str, text: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = settings.smtp_from
    made["To"] = ", ".join(settings.smtp_to)
    made["Subject"] = subject
    made["Date"] = format_datetime(left_at)
    made["Message-ID"] = f"<{job_id}@winnow.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text)
    return made


def _is_for_good(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= _FOR_GOOD for code, _ in error.recipients.values())
    return isinstance(error, _REFUSALS) and error.smtp_code >= _FOR_GOOD


def _sentence(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {said.decode(errors='replace')}" for code, said in error.recipients.values())
    return str(error) or type(error).__name__
