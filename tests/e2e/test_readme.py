"""The examples of the README are run as they stand, against the real processes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_up import Machine, eventually
from winnow import Client
from winnow.demo.articles import CATEGORIES, NAME, SLUG

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, encoder_cache: Path) -> Iterator[Machine]:
    """A running Winnow that has the demo's project, without its articles."""
    folder = tmp_path_factory.mktemp("readme")
    made = Machine(folder, WINNOW_DEMO="0", WINNOW_DATA_DIR=str(folder / ".winnow"))
    made.variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{made.variables['PATH']}"
    made.lend(encoder_cache, folder / ".winnow")
    try:
        made.up()
        run(made, [sys.executable, "-c", PROJECT])
        yield made
    finally:
        if made.supervisor is not None and made.supervisor.poll() is None:
            made.stop()


PROJECT = f"""
from pathlib import Path
from winnow import Client
with Client("http://127.0.0.1:8000", api_key=Path(".winnow/local.key").read_text()) as client:
    categories = [{{"name": name, "description": text}} for name, text in {list(CATEGORIES.values())!r}]
    assert client.create_project({NAME!r}, categories=categories).slug == {SLUG!r}
"""


def run(machine: Machine, command: list[str]) -> str:
    """Run it in the folder of the machine, at the machine's port; its output."""
    *rest, script = command
    ended = subprocess.run(
        [*rest, script.replace("127.0.0.1:8000", f"127.0.0.1:{machine.api}")],
        cwd=machine.folder,
        env=machine.variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=480,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def shows(shown: object, real: object) -> bool:
    """Whether every name in a shown document is in the real one; of a list, in its first element."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(name in real and shows(shown[name], real[name]) for name in shown)
    if isinstance(shown, list):
        return isinstance(real, list) and bool(real) and shows(shown[0], real[0])
    return True


@pytest.mark.timeout(1200)
def test_every_example_of_the_readme_runs(machine: Machine) -> None:
    shell, python = blocks("bash"), blocks("python")
    assert len(shell) == 3
    assert len(python) == 1

    asked, created, imported = (run(machine, ["bash", "-euo", "pipefail", "-c", block]) for block in shell)
    answer = json.loads(asked)
    assert answer["predictions"][0]["category"] == "Business"
    assert shows(json.loads(blocks("json")[0]), answer)
    assert json.loads(created)["slug"] == "support-tickets"
    assert "Shipping" in imported

    said = run(machine, [sys.executable, "-c", python[0]]).splitlines()
    assert [line.split(" ")[0] for line in said[:2]] == ["Login", "Billing"]
    assert said[2] == "undecided"
    key = (machine.folder / ".winnow" / "local.key").read_text()
    with Client(f"http://127.0.0.1:{machine.api}", api_key=key) as client:
        eventually(lambda: client.stats("support-tickets").items.decided == 1)
        assert client.stats("support-tickets").items.total == 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
