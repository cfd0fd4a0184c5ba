"""`deploy/restore`, step by step, with a stand-in for the cluster: no cluster can be had where tests run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEDULE = ROOT / "deploy" / "kubernetes" / "components" / "backup" / "schedule.yaml"
ARCHIVE = "winnow-20261126T143359123456Z.zip"

STAND_IN = """#!{python}
import json, os, pathlib, sys

folder = pathlib.Path({folder!r})
words = [word for word in sys.argv[1:]]
if words[0] == "patch":
    os.execv({kubectl!r}, ["kubectl", *words])
assert words[:2] == ["--namespace", "winnow-production"]
words = words[2:]
with (folder / "log").open("a") as log:
    log.write(json.dumps(words) + "\\n")
if words[:2] == ["create", "job"]:
    template = json.loads((folder / "template.json").read_text())
    print(json.dumps({{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": words[2]}}, "spec": template}}))
elif words[0] == "apply":
    with (folder / "applied").open("a") as applied:
        applied.write(json.dumps(json.load(sys.stdin)) + "\\n")
elif words[:2] == ["get", "job"]:
    print("/1" if words[2] == os.environ.get("FAILS") else "1/", end="")
elif words[:2] == ["get", "deployment/api"]:
    print("3", end="")
elif words[:2] == ["get", "deployment/worker"]:
    print("5", end="")
"""


class Cluster:
    def __init__(self, folder: Path) -> None:
        kubectl = shutil.which("kubectl")
        if kubectl is None:
            pytest.skip("kubectl is not installed")
        self._folder = folder
        template = yaml.safe_load(SCHEDULE.read_text())["spec"]["jobTemplate"]["spec"]
        (folder / "template.json").write_text(json.dumps(template))
        self._program("kubectl", STAND_IN.format(python=sys.executable, folder=str(folder), kubectl=kubectl))
        self._program("sleep", "#!/bin/sh\n")

    def restore(self, fails: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": f"{self._folder}:{os.environ['PATH']}", "FAILS": fails}
        command = [ROOT / "deploy" / "restore", "production", ARCHIVE]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    @property
    def jobs(self) -> list[tuple[str, list[str], int]]:
        """Name, arguments and further attempts of the jobs that were made."""
        made = [json.loads(line) for line in (self._folder / "applied").read_text().splitlines()]
        return [
            (
                job["metadata"]["name"],
                job["spec"]["template"]["spec"]["containers"][0]["args"],
                job["spec"]["backoffLimit"],
            )
            for job in made
        ]

    @property
    def steps(self) -> list[str]:
        """What was done to the cluster, without what only looks."""
        lines = [json.loads(line) for line in (self._folder / "log").read_text().splitlines()]
        return [" ".join(words) for words in lines if words[0] in {"scale", "annotate", "apply", "wait"}]

    def _program(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)
        (self._folder / name).chmod(0o755)


CHECK = ("restore-check", ["check", f"/backups/{ARCHIVE}"], 0)
RESTORE = ("restore", ["restore", f"/backups/{ARCHIVE}", "--replace"], 0)
APPLY = "apply --filename=-"
STOP = [
    "annotate --overwrite scaledobject/worker autoscaling.keda.sh/paused-replicas=0",
    "scale deployment/api --replicas=0",
    "scale deployment/worker --replicas=0",
]
START = [
    "annotate --overwrite scaledobject/worker autoscaling.keda.sh/paused-replicas-",
    "scale deployment/api --replicas=3",
    "scale deployment/worker --replicas=5",
]


def test_a_backup_is_looked_at_then_all_is_stopped_restored_and_started(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    done = cluster.restore()
    assert done.returncode == 0, done.stderr
    assert cluster.jobs == [CHECK, RESTORE]
    wait = "wait --for=delete pod --timeout=180s --selector app.kubernetes.io/component in (api, worker)"
    assert cluster.steps == [APPLY, *STOP, wait, APPLY, *START]


def test_a_backup_that_is_no_good_stops_nothing(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    done = cluster.restore(fails="restore-check")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert cluster.jobs == [CHECK]
    assert cluster.steps == [APPLY]


def test_what_cannot_be_put_back_starts_again_as_it_was(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    done = cluster.restore(fails="restore")
    assert done.returncode == 1
    assert cluster.jobs == [CHECK, RESTORE]
    assert cluster.steps[-3:] == START
