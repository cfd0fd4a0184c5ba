"""What the pages promise to list, they list: settings, errors, reject codes, steps."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.errors import Standing, TooManyRequests, status_of
from models.errors import WinnowError
from models.journey import STEPS, Step
from models.project_settings import ProjectSettings
from models.readers import streams
from models.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
NO_REJECTS = {"winnow-mark", "label-studio"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def sections(name: str, level: int) -> dict[str, str]:
    """The text under each heading of a level, by the heading without its back-ticks."""
    parts = re.split(rf"^{'#' * level} (.+)$", page(name), flags=re.MULTILINE)
    return {heading.strip("`"): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def errors(kind: type[WinnowError] = WinnowError) -> Iterator[type[WinnowError]]:
    for one in kind.__subclasses__():
        if one.__module__ in {"models.errors", TooManyRequests.__module__}:
            yield one
        yield from errors(one)


def reject_codes() -> set[str]:
    steps = ROOT / "models" / "steps"
    files = [*(ROOT / "models" / "readers").glob("*.py"), steps / "ingest.py", steps / "labels.py"]
    strings = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in strings if re.fullmatch(r"[a-z]+(-[a-z]+)+", text)} - NO_REJECTS


def test_every_variable_has_a_heading() -> None:
    headings = {heading for heading in sections("settings.md", 3) if heading.startswith("WINNOW_")}
    assert headings == {f"WINNOW_{name.upper()}" for name in Settings.model_fields} | {"WINNOW_DEMO", "WINNOW_API_URL"}


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items(), ids=lambda value: str(value)[:40])
def test_every_plain_default_is_told(name: str, field: object) -> None:
    default = getattr(field, "default", None)
    told = sections("settings.md", 3)[f"WINNOW_{name.upper()}"]
    if isinstance(default, bool):
        assert f"Default: `{str(default).lower()}`" in told
    elif isinstance(default, int | float):
        assert f"Default: `{default:g}`" in told or f"Default: `{default}`" in told


def test_every_setting_of_a_project_has_a_heading() -> None:
    headings = sections("settings.md", 3)
    for name, field in ProjectSettings.model_fields.items():
        default = str(field.default).lower() if isinstance(field.default, bool) else field.default
        assert f"Default: `{default}`" in headings[name]


def test_every_error_has_a_heading_with_its_status() -> None:
    headings = sections("errors.md", 2)
    kinds = [one for one in errors() if one is not WinnowError]
    unraised = {"method-not-allowed", "bad-request", "head-too-large", "internal-error"}
    assert {one.code for one in kinds} | unraised == set(headings)
    for one in kinds:
        made = one("", Standing(1, 0, 1)) if one is TooManyRequests else one("")
        assert f"Status {status_of(made)} (`{one.__name__}`)" in headings[one.code]


def test_every_reject_code_has_a_heading() -> None:
    codes = reject_codes()
    assert streams.Bomb.code in codes
    assert codes == set(sections("import-formats.md", 3))


@pytest.mark.parametrize(("number", "step"), enumerate(STEPS, 1), ids=lambda value: getattr(value, "name", None))
def test_every_step_has_a_heading_that_names_its_module_and_job(number: int, step: Step) -> None:
    text = sections("architecture.md", 3)[f"{number}. {step.name}"]
    assert f"`{step.module}`" in text
    assert "no job" in text if step.job is None else f"job `{step.job.value}`" in text


def test_every_page_has_its_place_on_the_site() -> None:
    """`make docs` finds the same, and dead links besides; this needs nothing installed."""
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    listed = set(re.findall(r"[\w./-]+(?:\.md|/\*)", nav))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    placed = {page for page in pages if page in listed or f"{page.rpartition('/')[0]}/*" in listed}
    assert pages - placed == set(), "list it in mkdocs.yml"
    alone = {entry for entry in listed if not entry.endswith("/*")}
    assert alone - pages == {"index.md", "contributing.md", "changelog.md"}  # made of pages at the root
