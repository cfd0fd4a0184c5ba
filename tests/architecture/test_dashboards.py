"""The dashboards are what their script says, and every query in them is PromQL over metrics that exist."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "deploy" / "grafana"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboards", GRAFANA / "dashboards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def panels() -> list[tuple[str, dict[str, Any]]]:
    return [
        (path.stem, panel)
        for path in sorted((GRAFANA / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
    ]


def queries() -> list[tuple[str, str]]:
    """Each query with its place, Grafana's variables left in."""
    return [
        (f"{name}: {panel['title']}: {target['refId']}", target["expr"])
        for name, panel in panels()
        for target in panel["targets"]
    ]


def with_values(query: str, project: str) -> str:
    """A query as Grafana sends it."""
    return query.replace("$__rate_interval", "1m").replace("$project", project)


@pytest.fixture(scope="module")
def made() -> ModuleType:
    return script()


def test_the_files_are_what_the_script_writes(made: ModuleType) -> None:
    assert {path.stem for path in (GRAFANA / "dashboards").glob("*.json")} == set(made.DASHBOARDS)
    for name in made.DASHBOARDS:
        assert (GRAFANA / "dashboards" / f"{name}.json").read_text() == made.written(name), (
            "run: python deploy/grafana/dashboards.py"
        )


def test_every_query_parses() -> None:
    promql = pytest.importorskip("promql_parser", reason="promql-parser has no build for this platform")
    for place, query in queries():
        try:
            promql.parse(with_values(query, "p"))
        except ValueError as error:
            pytest.fail(f"{place}: {error}")
    with pytest.raises(ValueError, match=r".+"):
        promql.parse("sum(rate(winnow_http_requests_total[5m])")


def test_every_query_asks_for_metrics_that_are_documented() -> None:
    known = set(re.findall(r"^### `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    recorded = set(re.findall(r"record: (\S+)", (ROOT / "deploy/prometheus/rules/slo.yml").read_text()))
    for place, query in queries():
        assert set(re.findall(r"winnow:[\w:]+", query)) <= recorded, place
        named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bwinnow_\w+", query)}
        assert named <= known, place


def test_no_panel_lies_on_another_and_none_leaves_the_grid() -> None:
    for name in {name for name, _ in panels()}:
        taken: set[tuple[int, int]] = set()
        for other, panel in panels():
            if other != name:
                continue
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, f"{name}: {panel['title']}"
            assert at["x"] + at["w"] <= 24
            taken |= cells
