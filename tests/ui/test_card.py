"""The JavaScript of the card and of the groups: its own tests, and that what Streamlit gets is one sound script."""

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from ui.components import card, piles

HERE = Path(__file__).parent / "card"
NODE = shutil.which("node")

each = pytest.mark.parametrize("component", [card, piles], ids=["card", "piles"])
needs_node = pytest.mark.skipif(NODE is None, reason="node is not on the PATH: the card's own tests need it")


@needs_node
def test_the_cards_own_tests_pass() -> None:
    files = sorted(str(path) for path in HERE.glob("*.test.js"))
    assert files
    ran = subprocess.run([NODE, "--test", *files], capture_output=True, text=True, check=False, timeout=240)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    assert "# pass 0" not in ran.stdout


@each
def test_the_joined_script_has_one_export_and_no_imports(component: ModuleType) -> None:
    lines = component.script().splitlines()
    assert [line for line in lines if line.startswith("import ")] == []
    assert [line[:24] for line in lines if line.startswith("export ")] == ["export default function "[:24]]


@needs_node
@each
def test_the_joined_script_loads_as_one_module(tmp_path: Path, component: ModuleType) -> None:
    joined = tmp_path / "joined.mjs"
    joined.write_text(component.script(), encoding="utf-8")
    load = f"import({str(joined)!r}).then((card) => console.log(typeof card.default))"
    ran = subprocess.run(
        [NODE, "--input-type=module", "-e", load], capture_output=True, text=True, check=False, timeout=240
    )
    assert ran.stdout.strip() == "function", ran.stderr
