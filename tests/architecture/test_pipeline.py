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
SCRIPTS = [
    ROOT / "deploy" / name
    for name in ("materials", "publish", "restore", "rollback", "rollout", "scan", "sign", "smoke")
]


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
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
        assert "${{" not in step.get("run", ""), "a value from outside belongs into env, not into a command"


def test_scripts_of_the_pipeline_are_there_and_may_be_run() -> None:
    commands = "\n".join(step.get("run", "") for path in WORKFLOWS for step in steps(path))
    named = set(re.findall(r"(?:^|\s)((?:deploy|\.ci)/[\w-]+)(?=\s|$)", commands, re.MULTILINE))
    assert {
        "deploy/try-images",
        "deploy/publish",
        "deploy/materials",
        "deploy/scan",
        "deploy/sign",
        "deploy/rollout",
        "deploy/smoke",
        "deploy/rollback",
        ".ci/run",
    } <= named
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


RELEASE = ("registry.example/winnow", "v1.2.3")
KUBECTL = """#!/bin/sh
echo "$*" >> "{folder}/calls"
case "$*" in *"get job/migrate"*) echo "$ENDS" ;; esac
"""


@pytest.mark.parametrize("ends", ["SuccessCriteriaMet Complete", "FailureTarget Failed"])
def test_a_rollout_goes_on_only_after_the_migration_and_does_not_wait_for_one_that_failed(
    tmp_path: Path, ends: str
) -> None:
    (tmp_path / "kubectl").write_text(KUBECTL.format(folder=tmp_path))
    (tmp_path / "kubectl").chmod(0o700)
    variables = {"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "ENDS": ends}
    command = [ROOT / "deploy" / "rollout", "development", *RELEASE]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=600)
    calls = (tmp_path / "calls").read_text()
    migrated = "Complete" in ends
    assert (done.returncode, "the database was not migrated" in done.stderr) == (0 if migrated else 1, not migrated)
    assert ("!=migrate" in calls, "rollout status" in calls) == (migrated, migrated)


DOCKER = """#!/bin/sh
echo "$*" >> "{folder}/calls"
case "$*" in
  *"$WITHOUT"*) echo null ;;
  *Manifest.Digest*) echo '"sha256:{digest}"' ;;
  *SBOM*) echo '{{"packages": [{{"name": "fastapi", "versionInfo": "1"}}]}}' ;;
  *Provenance*) echo '{{"buildDefinition": {{}}}}' ;;
esac
"""


COSIGN = """#!/bin/sh
echo "cosign $*" >> "{folder}/calls"
case "$*" in *"$UNSIGNED"*) echo "no matching signatures" >&2; exit 1 ;; esac
"""
GRYPE = """#!/bin/sh
echo "grype $*" >> "{folder}/calls"
case "$*" in *"$WEAK"*) echo "CVE-1 High"; exit 2 ;; esac
"""
DIGEST = "ab" * 32
IDENTITY = "https://github.com/example/winnow/.github/workflows/release.yml@refs/tags/v1.2.3"


def with_docker(
    folder: Path, *command: str | Path, without: str = "nothing", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script with stand-ins for Docker, whose images lack something, and for what signs and what scans."""
    for name, text in (("docker", DOCKER), ("cosign", COSIGN), ("grype", GRYPE)):
        (folder / name).write_text(text.format(folder=folder, digest=DIGEST))
        (folder / name).chmod(0o755)
    environment = {
        "PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin",
        "WITHOUT": without,
        "UNSIGNED": "nothing",
        "WEAK": "nothing",
        **variables,
    }
    return subprocess.run([*command], env=environment, capture_output=True, text=True, check=False)


def test_each_image_is_published_with_its_bill_of_materials_and_its_provenance(tmp_path: Path) -> None:
    done = with_docker(tmp_path, ROOT / "deploy" / "publish", "registry.example/winnow", "v1.2.3")
    assert done.returncode == 0, done.stderr
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [re.search(r"winnow/winnow-(\w+):v1\.2\.3", call)[1] for call in calls] == [  # type: ignore[index]
        "api",
        "worker",
        "ui",
        "migrate",
    ]
    for call in calls:
        assert {"--sbom=true", "--provenance=mode=max", "--push"} <= set(call.split())


def test_a_release_keeps_what_its_images_are_made_of(tmp_path: Path) -> None:
    command = (ROOT / "deploy" / "materials", "registry.example/winnow", "v1.2.3", tmp_path / "kept")
    done = with_docker(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    kept = {path.name for path in (tmp_path / "kept").iterdir()}
    names = ("api", "worker", "ui", "migrate")
    assert kept == {f"winnow-{name}.{kind}.json" for name in names for kind in ("spdx", "slsa")}
    published = steps(ROOT / ".github" / "workflows" / "release.yml")
    (upload,) = (step for step in published if step.get("uses", "").startswith("actions/upload-artifact@"))
    assert upload["with"]["path"] == "materials"


@pytest.mark.parametrize(("without", "said"), [("SBOM", "no bill of materials"), ("Provenance", "how it was built")])
def test_an_image_without_its_papers_is_no_release(tmp_path: Path, without: str, said: str) -> None:
    command = (ROOT / "deploy" / "materials", "registry.example/winnow", "v1.2.3", tmp_path / "kept")
    done = with_docker(tmp_path, *command, without=without)
    assert done.returncode == 1
    assert said in done.stderr


def test_what_is_signed_is_what_was_built_not_a_tag(tmp_path: Path) -> None:
    done = with_docker(tmp_path, ROOT / "deploy" / "sign", *RELEASE)
    assert done.returncode == 0, done.stderr
    signed = [call for call in (tmp_path / "calls").read_text().splitlines() if call.startswith("cosign")]
    assert signed == [
        f"cosign sign --yes registry.example/winnow/winnow-{name}@sha256:{DIGEST}"
        for name in ("api", "worker", "ui", "migrate")
    ]


def test_a_rollout_of_signed_images_alone_names_what_is_signed(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = (ROOT / "deploy" / "rollout", "production", *RELEASE)
    done = with_docker(tmp_path, *command, SHOW="1", SIGNED_BY=IDENTITY)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"image: (\S+)", done.stdout)) == {
        f"registry.example/winnow/winnow-{name}@sha256:{DIGEST}" for name in ("api", "worker", "ui", "migrate")
    }
    asked = [call for call in (tmp_path / "calls").read_text().splitlines() if call.startswith("cosign verify")]
    assert len(asked) == 4
    assert all(f"--certificate-identity {IDENTITY} " in call for call in asked)
    refused = with_docker(tmp_path, *command, SHOW="1", SIGNED_BY=IDENTITY, UNSIGNED="winnow-ui@")
    assert refused.returncode != 0
    assert "image:" not in refused.stdout
    assert "no matching signatures" in refused.stderr


def test_the_pipeline_rolls_out_what_it_signed_after_it_was_scanned() -> None:
    (publish,) = (
        job
        for job in loaded(ROOT / ".github/workflows/release.yml")["jobs"].values()
        if "steps" in job and any("deploy/publish" in step.get("run", "") for step in job["steps"])
    )
    assert publish["permissions"] == {"contents": "read", "id-token": "write"}
    ran = [step["run"].split()[0] for step in publish["steps"] if step.get("run", "").startswith("deploy/")]
    assert ran == ["deploy/publish", "deploy/materials", "deploy/scan", "deploy/sign"]
    (rollout,) = (
        step for step in steps(ROOT / ".github/workflows/deploy.yml") if "deploy/rollout" in step.get("run", "")
    )
    assert rollout["env"]["SIGNED_BY"] == "${{ github.server_url }}/${{ github.workflow_ref }}"


def test_a_scan_looks_at_every_bill_and_fails_for_one(tmp_path: Path) -> None:
    script, bills = ROOT / "deploy" / "scan", tmp_path / "bills"
    bills.mkdir()
    nothing = with_docker(tmp_path, script, bills)
    assert nothing.returncode == 1
    assert "no bill of materials" in nothing.stderr
    for name in ("api", "ui"):
        (bills / f"winnow-{name}.spdx.json").write_text("{}")
    assert with_docker(tmp_path, script, bills).returncode == 0
    weak = with_docker(tmp_path, script, bills, WEAK="winnow-api")
    assert weak.returncode == 1
    calls = (tmp_path / "calls").read_text().splitlines()[-2:]
    assert [re.search(r"sbom:.*/(.*)\.spdx\.json$", call)[1] for call in calls] == ["winnow-api", "winnow-ui"]  # type: ignore[index]
    (given,) = {re.search(r"--config (\S+)", call)[1] for call in calls}  # type: ignore[index]
    configured = yaml.safe_load(Path(given).read_text())
    assert configured["fail-on-severity"] == "high"
    assert configured["only-fixed"] is True
    assert configured["ignore"] == []


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
