"""Settings, read from the environment once per process.

Every variable begins with `WINNOW_`. `docs/settings.md` has a heading for each; a test compares the two.
"""

import secrets
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import Unavailable
from models.vocabulary import Role

MIN_SECRET_LENGTH = 32
_WEAK_SECRETS = frozenset({"changeme", "secret", "password", "winnow"})


class Stage(StrEnum):
    """Where this process runs; production refuses what is only good enough for a laptop."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


OutsideAlgorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
"""Signatures that an outside identity provider may make: never one for which Winnow would hold the secret."""


class MailSecurity(StrEnum):
    """How the connection to the mail server is kept from others: from the start, from a command on, or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Settings(BaseSettings):
    """What an operator may choose. Raises `pydantic.ValidationError` on an unusable value."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", extra="ignore", frozen=True)

    env: Stage = Stage.DEVELOPMENT
    data_dir: Path = Path(".winnow")
    artifacts_url: str = Field(default="", pattern=r"^$|^[a-z0-9+.-]+://.+")
    database_url: str = ""
    redis_url: str = "redis://127.0.0.1:6379/0"
    secret_key: SecretStr = SecretStr("")
    admin_password: SecretStr = SecretStr("")
    host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    ui_port: int = Field(default=8501, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    drain_seconds: int = Field(default=0, ge=0, le=600)

    access_token_minutes: int = Field(default=15, ge=1, le=24 * 60)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    lease_seconds: int = Field(default=300, ge=1, le=24 * 3600)
    undo_hours: int = Field(default=24, ge=0, le=24 * 365)
    job_lease_seconds: int = Field(default=30, ge=2, le=3600)
    job_attempts: int = Field(default=5, ge=1, le=100)
    prediction_days: int = Field(default=30, ge=1, le=3650)

    backup_hours: int = Field(default=192, ge=0)
    backup_expected: bool = False

    cors_origins: tuple[str, ...] = ()

    max_upload_mb: int = Field(default=2048, ge=1)
    max_body_mb: int = Field(default=16, ge=1)
    statement_seconds: float = Field(default=30.0, gt=0, le=3600)
    wait_seconds: float = Field(default=60.0, gt=0, le=3600)
    max_text_chars: int = Field(default=100_000, ge=100)
    max_cell_chars: int = Field(default=1_000_000, ge=1000)

    rate_reads: int = Field(default=30_000, ge=1)
    rate_writes: int = Field(default=30_000, ge=1)
    rate_predictions: int = Field(default=60_000, ge=1)
    rate_uploads: int = Field(default=600, ge=1)
    rate_items: int = Field(default=600_000, ge=1000)
    rate_sign_ins: int = Field(default=600, ge=1)
    sign_in_failures: int = Field(default=10, ge=1)

    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_jwks_url: str = ""
    oidc_algorithms: tuple[OutsideAlgorithm, ...] = ("RS256",)
    oidc_username_claim: str = "preferred_username"
    oidc_role_claim: str = "winnow_role"
    oidc_roles: dict[str, Role] = Field(default_factory=dict)
    oidc_leeway_seconds: int = Field(default=60, ge=0, le=600)

    webhook_allow_private: bool = False
    webhook_timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    export_stream_items: int = Field(default=100_000, ge=0)

    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: MailSecurity = MailSecurity.STARTTLS
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""
    smtp_to: tuple[str, ...] = ()
    smtp_timeout_seconds: float = Field(default=10.0, gt=0, le=60)

    encoder: str = "all-MiniLM-L6-v2"
    encoder_runtime: str = Field(default="onnx", pattern="^(onnx|torch|static)$")
    encoder_windows: int = Field(default=4, ge=1, le=64)
    encoder_precision: str = Field(default="fp32", pattern="^(fp32|int8)$")
    quick_vectors: int = Field(default=0, ge=0)
    threads: int = Field(default=2, ge=1, le=256)
    encode_seconds: float = Field(default=60.0, gt=0, le=3600)
    vectors_kept: int = Field(default=10_000, ge=0, le=10_000_000)

    @model_validator(mode="after")
    def _refuse_weak_secrets(self) -> Self:
        key = self.secret_key.get_secret_value()
        if key and (len(key) < MIN_SECRET_LENGTH or key.lower() in _WEAK_SECRETS):
            message = f"WINNOW_SECRET_KEY must have at least {MIN_SECRET_LENGTH} characters"
            raise ValueError(message)
        if not key and self.env is Stage.PRODUCTION:
            message = "WINNOW_SECRET_KEY is required in production"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_half_a_provider(self) -> Self:
        if self.oidc_issuer and not self.oidc_audience:
            message = "WINNOW_OIDC_AUDIENCE is required with WINNOW_OIDC_ISSUER"
            raise ValueError(message)
        local = ("http://127.0.0.1", "http://localhost")
        for url in (self.oidc_issuer, self.oidc_jwks_url):
            if url and not url.startswith("https://") and (self.env is Stage.PRODUCTION or not url.startswith(local)):
                message = "WINNOW_OIDC_ISSUER and WINNOW_OIDC_JWKS_URL must begin with https://"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_half_a_mail_server(self) -> Self:
        addresses = [self.smtp_from, *self.smtp_to]
        if self.smtp_host and not (self.smtp_to and all("@" in one and one.isprintable() for one in addresses)):
            message = "WINNOW_SMTP_HOST needs WINNOW_SMTP_FROM and WINNOW_SMTP_TO, addresses such as ops@example.com"
            raise ValueError(message)
        if self.smtp_username and self.smtp_security is MailSecurity.NONE and self.env is Stage.PRODUCTION:
            message = "WINNOW_SMTP_SECURITY=none would send the password of WINNOW_SMTP_USERNAME for all to read"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _refuse_other_databases(self) -> Self:
        kind = self.database_url.partition(":")[0].partition("+")[0]
        if kind not in {"", "postgresql", "postgres", "sqlite"}:
            message = "WINNOW_DATABASE_URL must begin with postgresql:// or sqlite:///"
            raise ValueError(message)
        return self

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL: what was given, else SQLite in the data folder."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'winnow.db'}"
        if self.database_url.startswith(("postgres://", "postgresql://")):
            return "postgresql+psycopg2://" + self.database_url.split("://", 1)[1]
        return self.database_url

    @cached_property
    def artifacts(self) -> Path:
        """The folder in which bundles, uploads and results are made, and kept unless `artifacts_url` says otherwise."""
        return self.data_dir / "artifacts"

    @cached_property
    def signing_key(self) -> str:
        """The key that signs tokens; outside production one is made and kept in the data folder."""
        given = self.secret_key.get_secret_value()
        return given or kept_secret(self.data_dir / "secret.key")


def kept_secret(path: Path) -> str:
    """The secret in a file, made on first use. Safe when several processes come at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = secrets.token_urlsafe(48)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    staged.touch(mode=0o600)
    staged.write_text(fresh)
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        kept = path.read_text().strip()
        if len(kept) < MIN_SECRET_LENGTH:
            raise Unavailable(f"{path} is damaged: delete it, and everybody signs in again") from None
        return kept
    finally:
        staged.unlink()
    return fresh
