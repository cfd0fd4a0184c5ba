"""What Prometheus is told agrees with the database and the product's own pages, on both databases."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import Metrics
from models.runtime import Runtime
from models.settings import Settings
from models.steps import monitor, serve
from models.steps.accounts import Caller
from models.steps.conditions import everything
from models.steps.items import NewItem
from models.steps.projects import find_project, update_project
from models.store.session import Database
from models.store.tables import BackupRow, ProjectRow
from models.store.types import utc_now
from models.vocabulary import Alert, Job
from tests.integration.conftest import Drain
from tests.integration.test_the_loop import decide
from worker.entry import perform
from worker.metrics import REGISTRY, register

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ON_ONE = pytest.mark.parametrize("backend", ["sqlite"])
Samples = dict[tuple[str, ...], float]


def samples(exposition: bytes) -> Samples:
    """Values by name and the label values, sorted by label name."""
    return {
        (sample.name, *(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


def test_the_numbers_are_those_of_the_product(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> None:
    decide(runtime, ann, filled.slug, 40)
    drain()
    metrics = Metrics()
    answers = serve.predict(runtime, ann, filled.slug, [NewItem("where is my parcel"), NewItem("I cannot sign in")])
    metrics.predicted(filled, answers)
    told = samples(metrics.exposition(runtime))
    slug = filled.slug
    with runtime.database.read() as session:
        stats = monitor.stats(runtime, session, find_project(session, ann, slug))

    assert told["winnow_database_up",] == 1
    assert told["winnow_serving_version", slug] == stats["serving_model"] >= 1
    assert told["winnow_items", slug, "decided"] == stats["items"]["decided"] == 40
    assert told["winnow_tasks_open", "nobody", slug] == stats["queue"]["open"]
    assert told["winnow_tasks_open", "reviewer", slug] == stats["queue"]["leased"]
    assert told["winnow_accuracy_audits", slug] == stats["accuracy"]["audited"] > 0
    for bound, key in (("low", "low"), ("estimate", "accuracy"), ("high", "high")):
        assert told["winnow_accuracy_ratio", bound, slug] == pytest.approx(stats["accuracy"][key])
    assert sum(value for key, value in told.items() if key[0] == "winnow_decisions_total") == 40
    assert told["winnow_automation_suspended", slug] == 0
    assert told["winnow_drift_detected", slug] == 0
    assert told["winnow_jobs", "embed", "succeeded"] >= 1
    assert told["winnow_job_wait_seconds",] == 0
    assert sum(value for key, value in told.items() if key[0] == "winnow_predictions_total") == 2
    assert told["winnow_prediction_confidence_ratio_count", slug] == 2


@ON_ONE
def test_what_never_failed_is_a_number_too(runtime: Runtime, filled: ProjectRow) -> None:
    """A rule that looks for growth sees nothing grow where there was no number before."""
    told = samples(Metrics().exposition(runtime))
    assert {told["winnow_jobs", kind, "failed"] for kind in Job} == {0}
    assert told["winnow_versions", filled.slug, "failed"] == 0
    assert told["winnow_problems_total", "bundle-broken"] == 0
    code = (
        "from pathlib import Path; from prometheus_client import generate_latest; from worker import metrics;"
        "metrics.register(Path('.')); print(generate_latest(metrics.REGISTRY).decode())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert {samples(done.stdout)["winnow_worker_jobs_total", kind, "bundle-broken"] for kind in Job} == {0}


@ON_ONE
def test_a_broken_bundle_silences_neither_numbers_nor_alerts(
    runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain
) -> None:
    decide(runtime, ann, filled.slug, 40)
    drain()
    (runtime.settings.artifacts / "bundles").rename(runtime.settings.artifacts / "away")
    anew = Runtime(runtime.settings, runtime.database, runtime.encoder)  # which has no head in memory
    told = samples(Metrics().exposition(anew))
    assert told["winnow_database_up",] == 1
    assert told["winnow_items", filled.slug, "decided"] == 40
    assert ("winnow_drift_detected", filled.slug) not in told
    with runtime.database.read() as session:
        assert Alert.BUNDLE_BROKEN in {one.name for one in everything(anew, session)}


@ON_ONE
def test_a_project_for_members_alone_is_not_named(runtime: Runtime, ann: Caller, filled: ProjectRow) -> None:
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        update_project(session, ann, project, settings={"members_only": True})
        session.expunge_all()
    metrics = Metrics()
    answers = serve.predict(runtime, Caller("system", "system", ann.role.ADMIN), filled.slug, [NewItem("my parcel")])
    metrics.predicted(project, answers)
    told = metrics.exposition(runtime).decode()
    assert filled.slug not in told
    assert "Shipping" not in told
    assert f'project="project-{filled.id}"' in told


@ON_ONE
def test_a_database_that_is_away_costs_only_its_own_numbers(settings: Settings) -> None:
    database = Database("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    told = samples(Metrics().exposition(Runtime(settings, database)))
    assert told["winnow_database_up",] == 0
    assert ("winnow_http_requests_in_flight",) in told
    assert ("winnow_workers",) not in told


@ON_ONE
def test_connections_that_are_lent_out_are_counted(runtime: Runtime) -> None:
    metrics = Metrics()
    metrics.shared.watch_database(runtime.database)
    with runtime.database.read() as session:
        session.connection()
        assert samples(generate_latest(metrics.registry))["winnow_database_connections_in_use",] == 1
    assert samples(generate_latest(metrics.registry))["winnow_database_connections_in_use",] == 0


@ON_ONE
def test_labels_are_bounded(runtime: Runtime, ann: Caller, filled: ProjectRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.metrics._MOST_SERIES", 0)
    metrics = Metrics()
    metrics.predicted(filled, serve.predict(runtime, ann, filled.slug, [NewItem("my parcel")]))
    assert samples(metrics.exposition(runtime))["winnow_predictions_total", "other", "review", "other", "other"] == 1


@ON_ONE
@pytest.mark.usefixtures("filled")
def test_every_metric_has_its_heading(runtime: Runtime) -> None:
    with runtime.database.transaction() as session:
        session.add(BackupRow(taken_at=utc_now(), name="kept.zip", size=1, sha256="0" * 64))
    if not any(name.startswith("winnow_data") for name in REGISTRY._names_to_collectors):
        register(runtime.settings.data_dir)
    told = Metrics().exposition(runtime) + generate_latest(REGISTRY)
    names = {
        f"{family.name}{ {'counter': '_total', 'info': '_info'}.get(family.type, '') }"
        for family in text_string_to_metric_families(told.decode())
        if family.name.startswith("winnow_") and not family.name.endswith("_created")
    }
    names = {name.replace("_total_total", "_total").replace("_info_info", "_info") for name in names}
    assert names == set(re.findall(r"^### `(\w+)`", DOCS.read_text(), re.MULTILINE))


@ON_ONE
@pytest.mark.usefixtures("ann")
def test_the_age_of_the_newest_backup_counts_from_the_first_one_unless_one_is_expected(runtime: Runtime) -> None:
    def age(**chosen: Any) -> float | None:
        settings = runtime.settings.model_copy(update=chosen)
        told = samples(Metrics().exposition(Runtime(settings, runtime.database)))
        return told.get(("winnow_backup_age_seconds",))

    assert age() is None
    assert age(backup_expected=True) < 60
    with runtime.database.transaction() as session:
        for days in (3, 9):
            session.add(BackupRow(taken_at=utc_now() - timedelta(days=days), name="kept.zip", size=1, sha256="0" * 64))
    assert age() == pytest.approx(3 * 86_400, abs=60)
    assert age(backup_hours=0, backup_expected=True) is None


@ON_ONE
@pytest.mark.usefixtures("filled")
def test_attempts_at_jobs_are_counted(runtime: Runtime) -> None:
    before = samples(generate_latest(REGISTRY))
    assert before["winnow_worker_jobs_total", "embed", "succeeded"] >= 1
    assert before["winnow_worker_job_seconds_count", "embed"] >= 1
    assert before["winnow_worker_busy",] == 0
    perform(runtime, "no-such-job")
    after = samples(generate_latest(REGISTRY))
    assert {key: value for key, value in after.items() if key[0].startswith("winnow_worker")} == {
        key: value for key, value in before.items() if key[0].startswith("winnow_worker")
    }


def test_several_processes_behind_one_port_share_their_numbers(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    count = "from api.metrics import Metrics; m = Metrics(); m.answered('/x', 'GET', 200, 0.1); m.catch_up()"
    tell = (
        "import sys; from api.metrics import Metrics; from models.runtime import Runtime;"
        "from models.settings import Settings; from models.store.session import Database;"
        f"runtime = Runtime(Settings(), Database('sqlite:///{tmp_path / 'none.db'}'));"
        "sys.stdout.buffer.write(Metrics().exposition(runtime))"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, cwd=DOCS.parents[1], check=True)
    done = subprocess.run(
        [sys.executable, "-c", tell], env=environment, cwd=DOCS.parents[1], capture_output=True, check=True
    )
    told = samples(done.stdout)
    assert told["winnow_http_requests_total", "GET", "/x", "200"] == 2
    assert told["winnow_http_request_seconds_count", "GET", "/x"] == 2
    assert told["winnow_database_up",] == 0
