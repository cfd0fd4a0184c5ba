"""Alert rules are proved by promtool itself; each has its tests and its page."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.steps.alerts import RULES as OURS
from models.vocabulary import Alert
from tests.servers import tool

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))


def alerts() -> dict[str, dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240, check=False)


def test_rules_do_what_their_tests_say() -> None:
    done = run(tool("promtool"), "test", "rules", *RULE_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_notices_a_rule_that_is_wrong(tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    rules = tmp_path / "prometheus" / "rules" / "alerts.yml"
    rules.write_text(rules.read_text().replace("max(winnow_workers) == 0", "max(winnow_workers) < 0"))
    done = run(tool("promtool"), "test", "rules", tmp_path / "prometheus" / "tests" / "alerts_test.yml")
    assert done.returncode != 0
    assert "WorkerGone" in done.stdout + done.stderr


def test_configurations_are_valid() -> None:
    checked = run(tool("promtool"), "check", "config", PROMETHEUS / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    routed = run(tool("amtool"), "check-config", ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    assert routed.returncode == 0, routed.stdout + routed.stderr


def test_every_alert_is_seen_firing_and_seen_silent() -> None:
    cases = [
        case
        for path in RULE_TESTS
        for group in yaml.safe_load(path.read_text())["tests"]
        for case in group["alert_rule_test"]
    ]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == set(alerts())
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == set(alerts())


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert pages == set(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
        assert rule["labels"]["severity"] in {"critical", "warning"}
        page = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
        assert page.startswith(f"# {name}\n")
        assert "## Look" in page
        assert "## Do" in page


def test_rules_name_only_metrics_that_are_documented() -> None:
    known = set(re.findall(r"^### `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
    text = "\n".join(path.read_text() for path in RULES)
    named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bwinnow_\w+", text)}
    assert named
    assert named <= known


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_alertmanager_sends_each_severity_somewhere(severity: str) -> None:
    done = run(
        tool("amtool"),
        "config",
        "routes",
        "test",
        f"--config.file={ROOT / 'deploy' / 'alertmanager' / 'alertmanager.yml'}",
        f"severity={severity}",
    )
    assert done.stdout.strip() == {"critical": "pager", "warning": "desk"}[severity]


NOT_SEEN_INSIDE = {
    "ApiDown",
    "DatabaseDown",
    "ConnectionsExhausted",
    "ErrorBudgetBurnFast",
    "ErrorBudgetBurnSlow",
    "LatencyBudgetBurnFast",
    "LatencyBudgetBurnSlow",
}
"""What takes somebody outside, or a history of requests that only Prometheus keeps."""


def test_alerts_inside_the_product_are_those_of_prometheus() -> None:
    ours = {one.runbook.removesuffix(".md"): one for one in Alert}
    assert set(ours) | NOT_SEEN_INSIDE == set(alerts())
    assert not set(ours) & NOT_SEEN_INSIDE
    for name, one in ours.items():
        rule = alerts()[name]
        assert OURS[one].severity == rule["labels"]["severity"], name
        assert f"{OURS[one].hold.total_seconds() / 60:.0f}m" == rule.get("for", "0m"), name


def test_the_page_lists_each_alert_inside_the_product_with_its_runbook() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    listed = re.findall(r"^\| `([a-z-]+)` \| \[\w+\]\(runbooks/(\w+\.md)\) \| (\w+) \| (\d+) \|", page, re.MULTILINE)
    wanted = [
        (one.value, one.runbook, OURS[one].severity, f"{OURS[one].hold.total_seconds() / 60:.0f}") for one in Alert
    ]
    assert listed == wanted
    assert all((ROOT / "docs" / "runbooks" / runbook).exists() for _, runbook, *_ in listed)
