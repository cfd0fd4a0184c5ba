"""The manifest for a Ray cluster: restricted as the other workloads are, and with a command that exists."""

import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.architecture.manifests import Doc, Docs, confinement, references
from tests.architecture.test_deploy import base
from worker.categorize.__main__ import arguments

ROOT = Path(__file__).resolve().parents[2]


def job() -> Doc:
    found: Doc = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "ray" / "categorize.yaml").read_text())
    return found


def groups() -> Docs:
    """Its pods, as workloads like the others."""
    cluster = json.loads(json.dumps(job()))["spec"]["rayClusterSpec"]  # no two share a part
    return [
        {"kind": "Job", "metadata": {"name": "ray"}, "spec": {"template": group["template"]}}
        for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    ]


def test_its_pods_are_restricted_and_find_what_they_name() -> None:
    made = groups()
    assert len(made) == 2
    docs = base()
    assert [*confinement(made), *references([*docs, *made])] == []
    made[1]["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
    made[1]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].append({"name": "no", "mountPath": "/no"})
    assert len([*confinement(made), *references([*docs, *made])]) == 2


def test_workers_know_no_secret_and_the_head_does_no_work() -> None:
    head, workers = (one["spec"]["template"]["spec"]["containers"][0] for one in groups())
    assert "secretKeyRef" in str(head)
    assert "secretKeyRef" not in str(workers)
    assert job()["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_its_command_is_one_that_the_program_takes() -> None:
    words = shlex.split(job()["spec"]["entrypoint"])
    assert words[:3] == ["python", "-m", "worker.categorize"]
    wanted = arguments(words[3:])
    assert (wanted.version, wanted.address) == (1, "auto")


def test_the_cluster_and_the_image_have_the_same_ray() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'winnow[ray]'")
    told = str(job()["spec"]["rayClusterSpec"]["rayVersion"])
    assert f"ray=={told}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert version("ray") == told
    assert re.search(r"^FROM server-ray AS ray$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
