"""Streamlit puts ui/ first on the path: a module there must not take the place of another package."""

import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parents[2] / "ui"
NAMES = sorted(
    path.stem
    for path in UI.iterdir()
    if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[0] != "_"
)


@pytest.mark.parametrize("name", NAMES)
def test_no_module_of_the_ui_shadows_another(name: str) -> None:
    elsewhere = [folder for folder in sys.path if Path(folder or ".").resolve() != UI]
    assert name not in sys.stdlib_module_names
    assert PathFinder.find_spec(name, elsewhere) is None


def test_there_are_modules_to_look_at() -> None:
    assert {"app", "components", "views"} <= set(NAMES)
