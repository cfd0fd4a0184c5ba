"""Every test that the pages about security and disasters name is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
DISASTERS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "disasters").glob("*.md")}
TEST = r"`([\w/]+\.py)::(\w+|\*)`"
NAMED = sorted(set(re.findall(TEST, "\n".join([PAGE, *DISASTERS.values()]))))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_is_there(file: str, test: str) -> None:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"}
    assert test in tests or (test == "*" and tests)


def test_every_line_of_the_tables_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and not re.match(r"\|( \||-)", line)]
    bare = [line[:60] for line in rows if "::" not in line and "tests |" not in line]
    assert bare == []
    assert len(rows) > 35
    assert {f"API{number}" for number in range(1, 11)} <= set(re.findall(r"^\| (API\d+)", PAGE, flags=re.MULTILINE))


def test_every_disaster_has_a_page_that_says_what_to_do_and_what_drills_it() -> None:
    assert set(DISASTERS) == {
        "bad-release",
        "cut-off-host",
        "failed-over-database",
        "full-disk",
        "leaked-key",
        "lost-database",
        "lost-redis",
        "wrong-clock",
    }
    for name, page in DISASTERS.items():
        assert "## Do\n" in page, name
        assert re.search(TEST, page.partition("## Drilled by\n")[2]), name
