"""E-mail by a real SMTP server: sent once the server takes it, kept while it does not."""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError
from sqlalchemy import select, update

from models.runtime import Runtime
from models.settings import Settings
from models.steps.alerts import settle
from models.steps.conditions import SEEN_BY_WORKER, Trouble
from models.store.tables import JobRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import Alert, Job, JobStatus
from tests.servers import free_port
from worker.entry import perform

if TYPE_CHECKING:
    from email.message import Message

PASSWORD = "a word for the post"


class Post:
    """What a mail server was given; `answers` refuses at a step."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802  (the server's own name for it)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.messages.append(message_from_bytes(envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def backend() -> str:
    """The job is the same on both databases; the outbox has tests of its own."""
    return "sqlite"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def serve(post: Post) -> Iterator[Callable[..., Controller]]:
    started: list[Controller] = []

    def start(port: int, **options: Any) -> Controller:
        server = Controller(post, hostname="127.0.0.1", port=port, ready_timeout=120, **options)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def with_mail(runtime: Runtime, port: int, **more: Any) -> Runtime:
    chosen = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "smtp_from": "winnow@example.com"}
    chosen |= {"smtp_to": ("ops@example.com", "boss@example.com"), "smtp_timeout_seconds": 60, **more}
    settings = Settings(**runtime.settings.model_dump() | chosen)
    return Runtime(settings, runtime.database, runtime.encoder)


def leave(runtime: Runtime, project: ProjectRow) -> str:
    """Have an alert fire; returns the id of the job that mails it."""
    trouble = Trouble(Alert.BUNDLE_BROKEN, "version 3 fails its checks", f"project:{project.id}", project.id)
    with runtime.database.transaction() as session:
        settle(session, runtime.settings, [trouble], SEEN_BY_WORKER)
        return session.scalars(select(JobRow.id).where(JobRow.kind == Job.MAIL)).one()


def ended(runtime: Runtime, job_id: str) -> tuple[JobStatus, str]:
    with runtime.database.read() as session:
        row = session.get_one(JobRow, job_id)
        return row.status, row.error or ""


def due(runtime: Runtime, job_id: str, **older: float) -> None:
    with runtime.database.transaction() as session:
        values = {"due_at": utc_now(), "created_at": utc_now() - timedelta(**older)}
        session.execute(update(JobRow).where(JobRow.id == job_id).values(values))


def test_an_alert_and_its_end_are_mailed(
    runtime: Runtime, project: ProjectRow, serve: Callable[..., Controller], post: Post
) -> None:
    port = free_port()
    serve(port)
    mailing = with_mail(runtime, port)
    perform(mailing, leave(mailing, project))
    with runtime.database.transaction() as session:
        settle(session, mailing.settings, [], SEEN_BY_WORKER)
        last = session.scalars(
            select(JobRow.id).where(JobRow.status == JobStatus.QUEUED, JobRow.kind == Job.MAIL)
        ).one()
    perform(mailing, last)
    first, second = post.messages
    assert first["Subject"] == f"[Winnow] bundle broken in {project.slug}"
    assert "Version 3 fails its checks." in first.get_payload()
    assert "docs/runbooks/BundleBroken.md" in first.get_payload()
    assert (first["From"], first["To"]) == ("winnow@example.com", "ops@example.com, boss@example.com")
    assert second["Subject"] == f"[Winnow] Over: bundle broken in {project.slug}"
    assert post.recipients == ["ops@example.com", "boss@example.com"] * 2
    assert first["Message-ID"] != second["Message-ID"]


def test_without_a_mail_server_nothing_is_left(runtime: Runtime, project: ProjectRow) -> None:
    with pytest.raises(Exception, match="No row was found"):
        leave(runtime, project)


def test_a_server_that_is_away_or_busy_is_asked_again_and_nothing_is_lost(
    runtime: Runtime, project: ProjectRow, serve: Callable[..., Controller], post: Post
) -> None:
    port = free_port()
    mailing = with_mail(runtime, port)
    job_id = leave(mailing, project)
    perform(mailing, job_id)
    assert ended(runtime, job_id)[0] is JobStatus.QUEUED
    assert "not sent yet" in ended(runtime, job_id)[1]
    serve(port)
    post.answers["DATA"] = "451 try again later"
    due(runtime, job_id, hours=2)
    perform(mailing, job_id)
    assert ended(runtime, job_id) == (JobStatus.QUEUED, "not sent yet: 451 try again later")
    with runtime.database.read() as session:
        assert session.get_one(JobRow, job_id).due_at < utc_now() + timedelta(hours=1, seconds=1)
    post.answers.clear()
    due(runtime, job_id)
    perform(mailing, job_id)
    assert ended(runtime, job_id)[0] is JobStatus.SUCCEEDED
    assert len(post.messages) == 1


@pytest.mark.parametrize(("step", "answer"), [("DATA", "554 we want no alerts"), ("RCPT", "550 nobody of that name")])
def test_what_is_refused_for_good_is_given_up(
    runtime: Runtime, project: ProjectRow, serve: Callable[..., Controller], post: Post, step: str, answer: str
) -> None:
    port = free_port()
    serve(port)
    post.answers[step] = answer
    mailing = with_mail(runtime, port)
    job_id = leave(mailing, project)
    perform(mailing, job_id)
    status, error = ended(runtime, job_id)
    assert status is JobStatus.FAILED
    assert answer in error


def test_after_a_day_it_is_given_up(runtime: Runtime, project: ProjectRow) -> None:
    mailing = with_mail(runtime, free_port())
    job_id = leave(mailing, project)
    due(runtime, job_id, hours=25)
    perform(mailing, job_id)
    assert ended(runtime, job_id)[0] is JobStatus.FAILED


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_password_goes_only_to_a_server_that_is_who_it_says(
    runtime: Runtime,
    project: ProjectRow,
    serve: Callable[..., Controller],
    post: Post,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pem, port, tried = certificate(tmp_path), free_port(), []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, given: Any) -> AuthResult:
        tried.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=tried[-1] == ("winnow", PASSWORD))

    serve(port, tls_context=context, require_starttls=True, authenticator=authenticate, auth_required=True)
    mailing = with_mail(
        runtime, port, smtp_security="starttls", smtp_username="winnow", smtp_password=PASSWORD, env="development"
    )
    job_id = leave(mailing, project)
    perform(mailing, job_id)
    assert "certificate" in ended(runtime, job_id)[1]
    assert tried == []
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    due(runtime, job_id)
    perform(mailing, job_id)
    assert ended(runtime, job_id)[0] is JobStatus.SUCCEEDED
    assert tried == [("winnow", PASSWORD)]
    assert len(post.messages) == 1


@pytest.mark.parametrize(
    "chosen",
    [
        {"smtp_host": "mail"},
        {"smtp_host": "mail", "smtp_from": "a@b.example", "smtp_to": ("nobody",)},
        {"smtp_host": "mail", "smtp_from": "a@b.example\nBcc: x@y.example", "smtp_to": ("a@b.example",)},
        {"smtp_host": "mail", "smtp_from": "a@b.example", "smtp_to": ("a@b.example",), "smtp_username": "me"}
        | {"smtp_security": "none", "env": "production", "secret_key": "k" * 40},
    ],
)
def test_half_a_mail_server_keeps_the_process_from_starting(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="WINNOW_SMTP_"):
        Settings(**chosen)
