"""The pipeline runs scripts that are there, with the least it needs, and the scripts say what they do."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = [ROOT / "deploy" / name for name in ("publish", "restore", "rollback", "rollout", "smoke")]


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in loaded(path)["jobs"].values() for step in job.get("steps", ())]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_modest_and_pinned(path: Path) -> None:
    workflow = loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job or "uses" in job
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
            assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "a value from outside belongs into env, not into a command"


def test_scripts_of_the_pipeline_are_there_and_may_be_run() -> None:
    commands = "\n".join(step.get("run", "") for path in WORKFLOWS for step in steps(path))
    named = set(re.findall(r"(?:^|\s)((?:deploy|\.ci)/[\w-]+)(?=\s|$)", commands, re.MULTILINE))
    assert {"deploy/publish", "deploy/rollout", "deploy/smoke", "deploy/rollback", ".ci/run"} <= named
    for name in named:
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_production_comes_after_staging_which_comes_after_the_tests() -> None:
    jobs = loaded(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert (jobs["publish"]["needs"], jobs["staging"]["needs"], jobs["production"]["needs"]) == (
        "test",
        "publish",
        "staging",
    )
    assert {jobs[name]["with"]["stage"] for name in ("staging", "production")} == {"staging", "production"}
    undo = steps(ROOT / ".github" / "workflows" / "deploy.yml")[-1]
    assert undo["run"].startswith("deploy/rollback")
    assert "failure()" in undo["if"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_tells_how_it_is_used(script: Path) -> None:
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"deploy/{script.name} " in done.stderr
    if shutil.which("shellcheck"):
        linted = subprocess.run(["shellcheck", script], capture_output=True, text=True, check=False)
        assert linted.returncode == 0, linted.stdout


def test_a_rollout_names_the_images_of_its_release() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = [ROOT / "deploy" / "rollout", "production", "registry.example/winnow", "v1.2.3"]
    done = subprocess.run(
        command, env={"SHOW": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    images = set(re.findall(r"image: (\S+)", done.stdout))
    assert images == {f"registry.example/winnow/winnow-{name}:v1.2.3" for name in ("api", "worker", "ui", "migrate")}
    assert not list((ROOT / "deploy" / "kubernetes" / "overlays").glob(".rollout-*"))


def test_a_smoke_test_of_nothing_fails() -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(
        [ROOT / "deploy" / "smoke", "http://127.0.0.1:9"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "FAILED  GET http://127.0.0.1:9/readyz" in done.stderr


def test_known_weaknesses_are_looked_up() -> None:
    commands = [step.get("run", "") for step in steps(ROOT / ".github" / "workflows" / "ci.yml")]
    assert any("pip-audit" in command and "constraints.txt" in command for command in commands)
    assert "bandit" in (ROOT / "Makefile").read_text()


def test_the_documentation_is_built_strictly_for_every_change() -> None:
    commands = [step.get("run", "") for step in steps(ROOT / ".github" / "workflows" / "ci.yml")]
    assert "make docs" in commands
    # With --quiet, MkDocs counts no warnings, and --strict is without effect.
    assert re.search(r"mkdocs build --strict(?!.*--quiet)", (ROOT / "Makefile").read_text())


def test_every_path_of_the_code_owners_is_there() -> None:
    lines = (ROOT / ".github" / "CODEOWNERS").read_text().splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*"
    assert all(owner.startswith("@") for _, *owners in rules for owner in owners)
    assert [path for path, *_ in rules[1:] if not (ROOT / path.lstrip("/")).exists()] == []
