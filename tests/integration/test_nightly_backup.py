"""The backup that Kubernetes makes every night: its own command, and what metric and alert say before and after."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import update

from api.metrics import Metrics
from models.backups.restore import check
from models.runtime import Runtime
from models.settings import Settings
from models.steps.conditions import everything
from models.store.tables import UserRow
from models.store.types import utc_now
from models.vocabulary import Alert
from tests.integration.test_metrics import samples

COMPONENT = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes" / "components" / "backup"
KEPT = 14


def container() -> dict[str, Any]:
    schedule = yaml.safe_load((COMPONENT / "schedule.yaml").read_text())
    (found,) = schedule["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def settings_of_the_component() -> dict[str, str]:
    (patch,) = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())["patches"]
    return {step["path"].rpartition("/")[2]: step["value"] for step in yaml.safe_load(patch["patch"])}


def night(settings: Settings, backups: Path) -> dict[str, Any]:
    """What its container does, with folders for its volumes. Returns what it prints."""
    given = container()
    secrets = {"database-url": settings.database, "secret-key": "0123456789" * 4}
    variables = {one["name"]: secrets[one["valueFrom"]["secretKeyRef"]["key"]] for one in given["env"]}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    command = [str(backups) if word == "/backups" else word for word in (*given["command"], *given["args"])]
    assert command[0] == "python"
    done = subprocess.run(
        [sys.executable, *command[1:]],
        env=plain
        | variables
        | settings_of_the_component()
        | {"WINNOW_ENV": "production", "WINNOW_DATA_DIR": str(settings.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.usefixtures("ann")
def test_metric_and_alert_see_it(runtime: Runtime, tmp_path: Path) -> None:
    chosen = settings_of_the_component()
    assert chosen["WINNOW_BACKUP_EXPECTED"] == "true"
    hours = int(chosen["WINNOW_BACKUP_HOURS"])
    settings = runtime.settings.model_copy(update={"backup_expected": True, "backup_hours": hours})
    watched = Runtime(settings, runtime.database, runtime.encoder)

    def seen() -> tuple[bool, bool]:
        told = samples(Metrics().exposition(watched))
        old = told["winnow_backup_age_seconds",] > told["winnow_backup_limit_seconds",]  # as the rule has it
        with runtime.database.read() as session:
            return old, any(one.name is Alert.BACKUP_OLD for one in everything(watched, session))

    assert seen() == (False, False)
    with runtime.database.transaction() as session:
        session.execute(update(UserRow).values(created_at=utc_now() - timedelta(hours=hours + 1)))
    assert seen() == (True, True)
    night(settings, tmp_path / "backups")
    assert seen() == (False, False)


@pytest.mark.usefixtures("ann")
def test_the_newest_are_kept_and_can_be_read(settings: Settings, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    backups.mkdir()
    for day in range(1, KEPT + 1):
        (backups / f"winnow-202001{day:02}T021700000000Z.zip").touch()
    told = night(settings, backups)
    assert [Path(name).name for name in told["dropped"]] == ["winnow-20200101T021700000000Z.zip"]
    assert len(list(backups.iterdir())) == KEPT
    manifest, mark = check(Path(told["archive"]), lambda _: None)
    assert mark == told["sha256"]
    assert manifest.rows("user") == 1
