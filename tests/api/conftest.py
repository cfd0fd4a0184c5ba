"""The real application over its own HTTP client, on SQLite; `client_on` has it on both databases."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.context import Context
from models.learn.encoders import Encoder
from models.settings import Settings
from models.steps.accounts import SYSTEM, create_api_key, create_user
from models.store.session import Database
from models.vocabulary import Role
from tests.working import drain

PASSWORD = "a long enough password"
SECRET = "for these tests alone, thirty-two characters"


@dataclass(frozen=True)
class Winnow:
    """A running application and a key for each role."""

    app: FastAPI
    http: TestClient
    settings: Settings
    keys: dict[Role, str]

    @property
    def context(self) -> Context:
        context: Context = self.app.state.context
        return context

    @property
    def database(self) -> Database:
        return self.context.database

    def as_(self, role: Role | str) -> dict[str, str]:
        """The headers of a caller with this role."""
        return {"X-API-Key": self.keys[Role(role)]}

    def call(self, method: str, path: str, role: Role | str = Role.ADMIN, **request: Any) -> Any:
        headers = {**self.as_(role), **request.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **request)

    def get(self, path: str, role: Role | str = Role.ADMIN, **request: Any) -> Any:
        return self.call("GET", path, role, **request)

    def post(self, path: str, role: Role | str = Role.ADMIN, **request: Any) -> Any:
        return self.call("POST", path, role, **request)

    def work(self) -> int:
        """Do every job that is due, and those they leave behind, as a worker would. How many."""
        return drain(self.context.runtime)

    def sign_in(self, username: str = "ada", password: str = PASSWORD) -> Any:
        return self.http.post("/v1/auth/token", data={"username": username, "password": password})


def build(settings: Settings, encoder: Encoder, quick: Encoder | None = None) -> Iterator[Winnow]:
    app = create_app(settings, encoder=encoder, quick=quick)
    with TestClient(app, raise_server_exceptions=False) as http:
        _forget_counts(app.state.context)
        keys = {}
        with app.state.context.database.transaction() as session:
            create_user(session, SYSTEM, username="ada", password=PASSWORD, role=Role.ADMIN)
            for role in Role:
                _, keys[role] = create_api_key(session, SYSTEM, name=role.value, role=role)
        yield Winnow(app, http, settings, keys)


def _forget_counts(context: Context) -> None:
    """What earlier tests asked is not to count for this one."""
    for key in context.doorbell.redis.scan_iter("winnow:rate*"):
        context.doorbell.redis.delete(key)


def settings_for(folder: Path, url: str, redis_url: str, **more: Any) -> Settings:
    # No lease of a job runs out, nor is renewed beside a test, because the machine stands still.
    chosen = {"secret_key": SECRET, "job_lease_seconds": 3600, **more}
    return Settings(data_dir=folder, database_url=url, redis_url=redis_url, **chosen)


@pytest.fixture
def sqlite_url(tmp_path: Path, templates: Any) -> str:
    shutil.copy(templates.sqlite, tmp_path / "winnow.db")
    return f"sqlite:///{tmp_path / 'winnow.db'}"


@pytest.fixture
def winnow(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    yield from build(settings_for(tmp_path / "data", sqlite_url, redis_url), encoder)


@pytest.fixture
def winnow_on_each(tmp_path: Path, database_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    """The same on SQLite and on PostgreSQL."""
    yield from build(settings_for(tmp_path / "data", database_url, redis_url), encoder)


@pytest.fixture
def project(winnow: Winnow) -> str:
    """The slug of a project with two categories."""
    return make_project(winnow)


def make_project(winnow: Winnow, **more: Any) -> str:
    body = {
        "name": "Support tickets",
        "categories": [
            {"name": "Billing", "description": "invoices, charges, refunds"},
            {"name": "Login", "description": "passwords and signing in"},
        ],
        **more,
    }
    answer = winnow.post("/v1/projects", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["slug"])


@pytest.fixture(scope="module")
def module_winnow(
    tmp_path_factory: pytest.TempPathFactory, templates: Any, redis_url: str, encoder: Encoder
) -> Iterator[Winnow]:
    """One application for all tests of a module that change nothing the others see."""
    folder = tmp_path_factory.mktemp("winnow")
    shutil.copy(templates.sqlite, folder / "winnow.db")
    yield from build(settings_for(folder / "data", f"sqlite:///{folder / 'winnow.db'}", redis_url), encoder)


@pytest.fixture
def settings_alone(tmp_path: Path) -> Settings:
    """Settings of an application that is put together and not started."""
    return settings_for(tmp_path, f"sqlite:///{tmp_path / 'none.db'}", "redis://127.0.0.1:1/0")
