"""The house rules that a machine can check."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import models.errors
from models.errors import WinnowError
from models.journey import STEPS
from models.settings import Settings
from models.vocabulary import Job
from worker.handlers import HANDLERS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "models", "ui", "winnow", "worker", "migrations")
LONGEST = 400
MACHINE = re.compile(
    r"/w[o]rk/|/root/|/home/(?!winnow\b|user\b|you\b|app\b)\w+/|artifactory|jfrog|nexus|:3141/|devpi|index-url\s*=?\s*https?://(?!download\.pytorch\.org|pypi\.org)",
    re.IGNORECASE,
)


def tracked() -> list[Path]:
    """The files of the project, as git has them; all files where there is no git."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in told.stdout.splitlines() if (ROOT / name).is_file()]


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_the_import_contracts_hold() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_nobody_commits_but_the_database() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert found == []


def test_sessions_are_made_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in modules()
        if path.relative_to(ROOT).parts[0] not in {"ui", "winnow"}  # theirs are other things
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Session", "sessionmaker"}
    }
    assert found == {"models/store/session.py"}


def test_nothing_is_pickled() -> None:
    names = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
    found = {
        str(path.relative_to(ROOT))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and {one.name.partition(".")[0] for one in node.names} & names)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in names)
    }
    assert found == set()


def test_no_module_is_longer_than_can_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if "versions" not in path.parts and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}


def test_every_kind_of_job_has_a_handler() -> None:
    assert set(HANDLERS) == set(Job)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_step_is_where_the_journey_says(step: object) -> None:
    name, module, job = step.name, step.module, step.job
    loaded = importlib.import_module(module)
    assert module == f"models.steps.{name}"
    assert loaded.__doc__ is not None
    number = [one.name for one in STEPS].index(name) + 1
    assert loaded.__doc__.startswith(f"Step {number}:")
    if job is not None:
        assert HANDLERS[job].__module__ == module
    headings = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines()
    assert f"### {number}. {name}" in headings


def test_every_error_has_a_code_of_its_own_that_the_pages_explain() -> None:
    kinds = [
        one
        for one in vars(models.errors).values()
        if isinstance(one, type) and issubclass(one, WinnowError) and one is not WinnowError
    ]
    codes = [one.code for one in kinds]
    assert len(codes) == len(set(codes))
    assert all("code" in vars(one) for one in kinds)
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").strip("`") for line in page.splitlines() if line.startswith("#")}
    assert set(codes) <= headings


def test_every_setting_has_a_heading() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    headings = {line.lstrip("# ").strip("`") for line in page.splitlines() if line.startswith("#")}
    assert {f"WINNOW_{name.upper()}" for name in Settings.model_fields} <= headings


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError):  # a picture; or a file that another test made and took away
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(lines, 1)
            if MACHINE.search(line)
        ]
    assert found == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
