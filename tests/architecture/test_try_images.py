"""`deploy/try-images`: what it finds out about an image, and that it tidies up; without building any."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.trial import composition, inside, materials, promises, stand_ins
from deploy.trial.engine import Engine, Failed
from tests.architecture.test_images import CHOSEN, COMPOSE, program

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "try-images"
PINNED = {"numpy": "2.4.0"}


def image() -> dict[str, Any]:
    """What an engine says of a good one."""
    return {
        "Size": 900_000_000,
        "Config": {"User": "10001:10001", "Healthcheck": {"Test": ["CMD", "python", "-c", ""]}},
    }


def seen() -> dict[str, Any]:
    """What is seen in a good one."""
    return {
        "user": [10001, 10001],
        "capabilities": 0,
        "no_new_privileges": True,
        "read_only": True,
        "writable": sorted(promises.WRITABLE),
        "resident_mb": 300,
        "heavy": [],
        "python": [
            {"name": "numpy", "version": "2.4.0", "licence": "BSD-3-Clause"},
            {"name": "winnow", "version": "0.1.0", "licence": "Apache-2.0"},
        ],
        "debian": [{"name": "libc6", "version": "2.36-9+deb12u10", "architecture": "amd64"}],
        "release": "debian-12",
    }


def test_an_image_that_keeps_its_promises_is_let_pass() -> None:
    assert promises.broken("api", image(), seen(), PINNED) == []
    ends = image()
    del ends["Config"]["Healthcheck"]
    assert promises.broken("migrate", ends, seen(), PINNED) == []


WRONG: dict[str, tuple[Callable[[dict[str, Any], dict[str, Any]], object], str]] = {
    "large": (lambda image, _: image.update(Size=5_000_000_000), "it has 5000 MB"),
    "root by its own word": (lambda image, _: image["Config"].update(User=""), "it runs as"),
    "root in truth": (lambda _, seen: seen.update(user=[0, 0]), "it runs as [0, 0]"),
    "a capability": (lambda _, seen: seen.update(capabilities=1 << 10), "more than it is"),
    "new privileges": (lambda _, seen: seen.update(no_new_privileges=False), "more than it is"),
    "a file system to write to": (lambda _, seen: seen.update(read_only=False), "can be written to"),
    "a folder to write to": (lambda _, seen: seen["writable"].append("/app"), "write to /app"),
    "PyTorch": (lambda _, seen: seen.update(heavy=["torch"]), "it has torch"),
    "no health check": (lambda image, _: image["Config"].pop("Healthcheck"), "does not say how it is"),
    "another version": (lambda _, seen: seen["python"][0].update(version="2.3.0"), "numpy 2.3.0 is not"),
    "a package of no list": (lambda _, seen: seen["python"].append({"name": "left-pad", "version": "1"}), "left-pad 1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_an_image_that_breaks_one_is_not(what: str) -> None:
    spoil, said = WRONG[what]
    known, found = image(), seen()
    spoil(known, found)
    (fault,) = promises.broken("api", known, found, PINNED)
    assert said in fault


def test_every_target_that_stays_has_a_health_check_and_every_target_a_size() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text()
    silent = set(re.findall(r"AS (\w+)\nHEALTHCHECK NONE", lines))
    assert set(promises.LARGEST_MB) == promises.HEALTH | silent - {"ray"}


def test_pins_are_those_of_the_file() -> None:
    pinned = promises.pins(ROOT / "constraints.txt")
    assert pinned["numpy"].startswith("2.")
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in pinned)


def test_what_is_seen_inside_is_what_is_there(tmp_path: Path) -> None:
    script = Path(inside.__file__).read_text()
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert set(told) == set(seen())
    assert told["user"] == [os.getuid(), os.getgid()]
    assert {"name": "pyyaml", "version": yaml.__version__} == {
        key: one[key] for one in told["python"] if one["name"] == "pyyaml" for key in ("name", "version")
    }
    status = tmp_path / "status"
    status.write_text(
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nDescription: a\n b: c\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    assert inside.debian_packages(status) == [{"name": "libc6", "version": "2.36-9", "architecture": "amd64"}]


def test_the_topmost_folder_that_can_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "open" / "below").mkdir(parents=True)
    assert inside.writable(str(tmp_path)) == [str(tmp_path)]


def test_a_bill_of_materials_names_everything_so_that_scanners_know_it() -> None:
    bill = materials.bill("winnow-api", "sha256:abc", seen())
    assert bill["spdxVersion"] == "SPDX-2.3"
    locators = [ref["referenceLocator"] for one in bill["packages"] for ref in one["externalRefs"]]
    assert locators == [
        "pkg:pypi/numpy@2.4.0",
        "pkg:pypi/winnow@0.1.0",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
    ]
    ids = [one["SPDXID"] for one in bill["packages"]]
    assert len(set(ids)) == len(ids)
    assert {one["relatedSpdxElement"] for one in bill["relationships"]} == set(ids)
    assert bill["packages"][0]["licenseDeclared"] == "BSD-3-Clause"


def test_the_stand_ins_fit_into_the_composition(tmp_path: Path) -> None:
    overlay = yaml.safe_load(stand_ins.OVERLAY.read_text())["services"]
    targets = re.findall(r"^FROM debian AS (\w+)$", (stand_ins.HERE / "Dockerfile").read_text(), re.MULTILINE)
    assert tuple(targets) == stand_ins.OTHERS
    assert {service.get("image") for service in overlay.values()} == {
        None,
        *(f"winnow-stand-in-{name}" for name in targets),
    }
    command = [program("docker-compose"), "--file", COMPOSE, "--file", stand_ins.OVERLAY, "--env-file", "/dev/null"]
    given = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)} | dict.fromkeys(CHOSEN, "x")
    done = subprocess.run([*command, "config", "--services"], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(yaml.safe_load(COMPOSE.read_text())["services"]) - {"grafana"}
    linted = subprocess.run(
        [program("hadolint"), stand_ins.HERE / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


STAND_IN = """#!/bin/sh
echo "$*" >> "{folder}/calls"
case "$*" in
  *" up "*) echo "api is unhealthy" >&2; exit 1 ;;
  *" logs "*) echo "what api said last" ;;
esac
"""


def test_a_composition_that_does_not_start_is_taken_down_and_its_logs_are_shown(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text(STAND_IN.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    there = Engine("docker", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with pytest.raises(Failed, match=r"(?s)api is unhealthy.*what api said last"):
        composition.tried(there, [])
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [re.search(r" (up|logs|down) ", call)[1] for call in calls if " --file " in call] == ["up", "logs", "down"]  # type: ignore[index]
    assert "--volumes" in calls[-1]


def test_without_an_engine_it_says_what_is_wanted(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or pytest.fail(f"no {name}"))
    there = {"PATH": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run([SCRIPT], env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "neither docker nor podman" in done.stderr
    told = subprocess.run([SCRIPT, "--help"], env=there, capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert "--stand-ins" in told.stdout
