"""Rate limits, health, readiness, metrics, and how the process behaves."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, text

from api.throttle import RouteClass
from models.learn.encoders import Encoder
from tests.api.conftest import SECRET, Winnow, build, make_project, settings_for
from tests.servers import free_port

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def strict(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    settings = settings_for(tmp_path / "data", sqlite_url, redis_url, rate_reads=5, rate_writes=3)
    yield from build(settings, encoder)


@pytest.fixture
def without_redis(
    tmp_path: Path, sqlite_url: str, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Winnow]:
    monkeypatch.setattr("tests.api.conftest._forget_counts", lambda _: None)
    yield from build(settings_for(tmp_path / "data", sqlite_url, NOWHERE), encoder)


def test_a_caller_has_so_many_requests_a_minute(strict: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    answers = [strict.get("/v1/me", "program") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"5"}
    assert {answer.headers["RateLimit-Reset"] for answer in answers} == {"10"}
    assert answers[-1].headers["Retry-After"] == "10"
    assert answers[-1].json()["code"] == "rate-limited"
    assert strict.get("/v1/me", "reviewer").status_code == 200, "each caller has its own"
    assert strict.get("/v1/projects/none/stats", "program").status_code == 429, "refusals count too"
    assert strict.http.get("/healthz").status_code == 200
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_021.0)
    assert strict.get("/v1/me", "program").status_code == 200, "the next minute is a new one"


def test_an_administrator_sees_the_limits_and_what_is_used_of_them(
    strict: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    for _ in range(3):
        strict.get("/v1/me", "program")
    told = strict.get("/v1/limits", "admin").json()
    assert told["window_seconds"] == 60
    assert (told["limits"]["read"], told["limits"]["write"], told["limits"]["items"]) == (5, 3, 600_000)
    uses = {one["name"]: one for one in told["callers"]}
    assert {name: one["used"] for name, one in uses.items()} == {"program": {"read": 3}, "admin": {"read": 1}}
    assert {one["caller"].partition(":")[0] for one in uses.values()} == {"key"}
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_021.0)
    later = strict.get("/v1/limits", "admin").json()
    assert [one["name"] for one in later["callers"]] == ["admin"], "the next minute is a new one"


def test_without_redis_the_limits_are_those_of_this_process(
    without_redis: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    told = without_redis.get("/v1/limits", "admin").json()
    assert [one["used"]["read"] for one in told["callers"]] == [1]


@pytest.fixture
def sparing(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    yield from build(settings_for(tmp_path / "data", sqlite_url, redis_url, rate_items=1000), encoder)


def test_items_are_counted_and_not_only_requests(sparing: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    winnow = sparing
    make_project(winnow)

    def send(count: int):
        items = [{"text": f"text {number}"} for number in range(count)]
        return winnow.post("/v1/projects/support-tickets/items", "manager", json={"items": items})

    assert send(600).status_code == 201
    refused = send(500)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert (refused.headers["RateLimit-Limit"], refused.headers["Retry-After"]) == ("1000", "10")
    rest = send(400)
    assert rest.status_code == 201, "what was refused cost nothing"
    assert (rest.headers["RateLimit-Limit"], rest.headers["RateLimit-Remaining"]) == ("1000", "0")
    body = {"items": [{"text": "x"}]}
    assert winnow.post("/v1/projects/support-tickets/predict", "manager", json=body).status_code == 429
    assert winnow.get("/v1/me", "manager").headers["RateLimit-Limit"] == str(winnow.settings.rate_reads)
    assert winnow.post("/v1/projects/support-tickets/predict", "program", json=body).status_code == 200


def test_nobody_has_a_body_read_before_it_is_known_who_it_is(winnow: Winnow) -> None:
    headers = {"Content-Type": "application/json"}
    answer = winnow.http.post("/v1/projects/x/items", content=b"{" * 1000, headers=headers)
    assert answer.status_code == 401, "not 422: the body was not parsed"
    answer = winnow.post("/v1/projects/x/items", "program", content=b"{", headers=headers)
    assert answer.status_code == 403
    answer = winnow.post("/v1/projects/x/items", content=b"{", headers=headers)
    assert (answer.status_code, "RateLimit-Limit" in answer.headers) == (422, True), "and what is refused was counted"


def test_reads_and_writes_are_counted_apart(strict: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_070.0)
    statuses = [strict.post("/v1/projects", "manager", json={}).status_code for _ in range(4)]
    assert statuses == [422, 422, 422, 429]
    assert strict.get("/v1/me", "manager").status_code == 200


def test_without_redis_the_process_counts_for_itself_and_says_so(
    without_redis: Winnow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    winnow = without_redis
    answers = [winnow.get("/v1/me") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [int(answer.headers["RateLimit-Remaining"]) - winnow.settings.rate_reads for answer in answers] == [-1, -2]
    assert "winnow_rate_limit_uncounted_total 2.0" in winnow.http.get("/metrics").text
    assert make_project(winnow) == "support-tickets", "jobs wait in the database"
    ready = winnow.http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["status"] == "unready"
    assert ready.json()["parts"]["redis"] == {"ok": False, "count": None, "detail": "Redis does not answer"}
    assert ready.json()["parts"]["database"]["ok"] is True


def test_guessing_is_stopped_without_redis_too(without_redis: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    most = without_redis.settings.sign_in_failures
    statuses = [without_redis.sign_in("ada", "wrong").status_code for _ in range(most + 1)]
    assert statuses == [401] * most + [429]


def test_ready_when_every_part_is_there(winnow: Winnow) -> None:
    answer = winnow.http.get("/readyz")
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert {name: part["ok"] for name, part in parts.items()} == {
        "database": True, "redis": True, "encoder": True, "schema": True, "workers": False,
    }  # fmt: skip
    assert parts["workers"]["count"] == 0, "no worker is said, and is no reason to be unready"
    assert winnow.http.get("/healthz").json() == {"status": "alive"}


def test_a_database_without_its_schema_is_not_ready(winnow: Winnow) -> None:
    with winnow.database.transaction() as session:
        session.execute(text("DELETE FROM alembic_version"))
    answer = winnow.http.get("/readyz")
    assert answer.status_code == 503
    assert "revision" in answer.json()["parts"]["schema"]["detail"]


def test_a_schema_of_a_later_release_is_ready(winnow: Winnow) -> None:
    """While a release rolls out, processes of the one before go on with the schema of the next."""
    with winnow.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    assert winnow.http.get("/readyz").status_code == 200


def test_requests_are_counted_a_moment_later_also_where_nobody_looks(winnow: Winnow, project: str) -> None:
    def counted() -> float:
        labels = {"method": "GET", "route": "/v1/projects/{slug}", "status": "200"}
        return winnow.context.metrics.registry.get_sample_value("winnow_http_requests_total", labels) or 0

    for expected in (2, 4):  # what is put off is put off again after it was done
        for _ in range(2):
            assert winnow.get(f"/v1/projects/{project}").status_code == 200
        until = time.monotonic() + 60
        while counted() < expected and time.monotonic() < until:
            time.sleep(0.01)
        assert counted() == expected


def test_metrics_count_by_template_and_never_by_what_was_asked(winnow: Winnow, project: str) -> None:
    winnow.get(f"/v1/projects/{project}")
    winnow.get("/v1/projects/none")
    winnow.http.get("/secret/path")
    winnow.http.request("STRANGE", "/v1/me")
    winnow.post(f"/v1/projects/{project}/predict", json={"items": [{"text": "x"}, {"text": "y"}]})
    told = winnow.http.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    assert re.search(r'requests_total\{method="GET",route="/v1/projects/\{slug\}",status="200"\} 1\.0', told.text)
    assert re.search(r'requests_total\{method="GET",route="/v1/projects/\{slug\}",status="404"\} 1\.0', told.text)
    assert 'route="unknown"' in told.text
    assert "secret/path" not in told.text
    assert "STRANGE" not in told.text
    assert "winnow_http_request_seconds_bucket" in told.text
    assert "winnow_http_requests_in_flight 1.0" in told.text
    assert re.search(r"winnow_predictions_total\{.*\} [12]\.0", told.text)
    assert "winnow_job_wait_seconds" in told.text


def test_every_route_class_has_a_limit(winnow: Winnow) -> None:
    for route_class in RouteClass:
        standing = winnow.context.throttle.count("somebody", route_class)
        assert 0 < standing.remaining < standing.limit
        assert 1 <= standing.reset <= 60


def test_every_answer_bears_its_id_and_safe_headers(winnow: Winnow) -> None:
    for answer in (winnow.http.get("/healthz"), winnow.http.get("/v1/me"), winnow.get("/v1/projects")):
        assert answer.headers["X-Request-ID"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_process_serves_and_ends_when_told(tmp_path: Path, sqlite_url: str, redis_url: str) -> None:
    port = free_port()
    environment = {
        **os.environ, "WINNOW_DATA_DIR": str(tmp_path / "data"), "WINNOW_DATABASE_URL": sqlite_url,
        "WINNOW_REDIS_URL": redis_url, "WINNOW_API_PORT": str(port), "WINNOW_SECRET_KEY": SECRET,
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "api"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=240, trust_env=False) as http:
            assert _once_it_listens(http, process).json() == {"status": "alive"}
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=240)
    finally:
        process.kill()
        process.wait()
    assert process.returncode in {0, -signal.SIGTERM}
    assert "GET /healthz" not in log, "no line for each request"


def _once_it_listens(http: httpx2.Client, process: subprocess.Popen[str]) -> httpx2.Response:
    until = time.monotonic() + 240
    while True:
        try:
            return http.get("/healthz")
        except httpx2.ConnectError:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < until, "it does not listen"
            time.sleep(0.1)


def test_whose_turn_does_not_come_in_time_is_told_so_and_nothing_is_done(
    tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder
) -> None:
    chosen = settings_for(tmp_path / "data", sqlite_url, redis_url, wait_seconds=0.05)
    for winnow in build(chosen, encoder):
        make_project(winnow)
        second = {"name": "Second", "categories": [{"name": "Yes"}, {"name": "No"}]}
        other = create_engine(sqlite_url, isolation_level=None)
        with ThreadPoolExecutor(1) as pool, other.connect() as writer:
            writer.exec_driver_sql("BEGIN IMMEDIATE")  # so whoever has the turn to write cannot get on
            first = pool.submit(winnow.post, "/v1/projects", json={**second, "name": "First"})
            while winnow.context.turns.free:
                assert not first.done(), first.result().text
                time.sleep(0.005)
            late = winnow.post("/v1/projects", json=second)
            writer.exec_driver_sql("ROLLBACK")
            assert first.result().status_code == 201
        other.dispose()
        assert (late.status_code, late.json()["code"], late.headers["Retry-After"]) == (503, "busy", "1")
        names = [one["name"] for one in winnow.get("/v1/projects").json()["items"]]
        assert sorted(names) == ["First", "Support tickets"], "what was refused was not done"
