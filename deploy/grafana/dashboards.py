"""Writes the dashboards: `python deploy/grafana/dashboards.py` makes `dashboards/*.json` anew from what stands here.

A panel is a title, a unit and its queries; where it stands follows from its order. Numbers of the database
are the same from every API process, so they are combined with `max`; numbers of processes with `sum`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS = 24
_RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """A picture.

    Attributes:
        title: what it shows, in words.
        queries: PromQL by legend.
        unit: Grafana's name of the unit.
        kind: `timeseries`, `stat` or `bargauge`.
        width, height: in units of Grafana's grid, which is 24 wide.
        about: a sentence for whoever wonders.
    """

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    about: str = ""


def _stat(title: str, query: str, unit: str = "short", about: str = "") -> Panel:
    return Panel(title, {"": query}, unit, "stat", width=4, height=4, about=about)


def _quantile(share: str, name: str, selector: str = "", by: str = "") -> str:
    grouping = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({grouping}) (rate({name}_bucket{selector}{_RATE})))"


SERVICE = (
    _stat("API processes", 'sum(up{job="winnow-api"})'),
    _stat("Workers", "max(winnow_workers)"),
    _stat("Requests a second", f"sum(rate(winnow_http_requests_total{_RATE}))", "reqps"),
    _stat(
        "Server errors",
        f'(sum(rate(winnow_http_requests_total{{status=~"5.."}}{_RATE})) or vector(0))'
        f" / sum(rate(winnow_http_requests_total{_RATE}))",
        "percentunit",
    ),
    _stat("Oldest due job", "max(winnow_job_wait_seconds)", "s", "How long the outbox keeps work waiting."),
    _stat("Disk free", "min(winnow_data_free_bytes / winnow_data_size_bytes)", "percentunit"),
    Panel(
        "Requests by status",
        {"{{status}}": f"sum by (status) (rate(winnow_http_requests_total{_RATE}))"},
        "reqps",
    ),
    Panel(
        "Time to answer, all routes",
        {name: _quantile(share, "winnow_http_request_seconds") for name, share in (("p50", "0.5"), ("p95", "0.95"))},
        "s",
    ),
    Panel(
        "Time to answer POST /predict",
        {
            name: _quantile(share, "winnow_http_request_seconds", '{route=~".*/predict"}')
            for name, share in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99"))
        },
        "s",
    ),
    Panel("Requests in flight", {"in flight": "sum(winnow_http_requests_in_flight)"}),
    Panel("Errors by code", {"{{code}}": f"sum by (code) (rate(winnow_problems_total{_RATE}))"}, "reqps"),
    Panel(
        "Slowest routes, p95",
        {"{{route}}": f"topk(5, {_quantile('0.95', 'winnow_http_request_seconds', by='route')})"},
        "s",
    ),
    Panel("Answers a second", {"{{decision}}": f"sum by (decision) (rate(winnow_predictions_total{_RATE}))"}, "cps"),
    Panel("Encoder, time of a call", {"p95 {{job}}": _quantile("0.95", "winnow_encoder_seconds", by="job")}, "s"),
    Panel("Encoder, texts in a call", {"p95 {{job}}": _quantile("0.95", "winnow_encoder_batch_texts", by="job")}),
    Panel(
        "Jobs waiting and running",
        {"{{kind}} {{status}}": 'max by (kind, status) (winnow_jobs{status=~"queued|running"})'},
    ),
    Panel(
        "Attempts at jobs",
        {"{{kind}} {{outcome}}": f"sum by (kind, outcome) (rate(winnow_worker_jobs_total{_RATE}))"},
        "cps",
    ),
    Panel("Time of a job, p95", {"{{kind}}": _quantile("0.95", "winnow_worker_job_seconds", by="kind")}, "s"),
    Panel("Workers with a job in hand", {"busy": "sum(winnow_worker_busy)", "all": "max(winnow_workers)"}),
    Panel("Database connections", {"{{instance}}": "winnow_database_connections_in_use"}),
    Panel("Memory", {"{{job}} {{instance}}": 'process_resident_memory_bytes{job=~"winnow-.*"}'}, "bytes"),
    Panel(
        "Burn of the error budget (1: exactly used up in 30 days)",
        {"1 h": "winnow:http_errors:ratio_rate1h / 0.001", "6 h": "winnow:http_errors:ratio_rate6h / 0.001"},
        width=12,
    ),
    Panel(
        "Burn of the latency budget",
        {"1 h": "winnow:predict_slow:ratio_rate1h / 0.01", "6 h": "winnow:predict_slow:ratio_rate6h / 0.01"},
        width=12,
    ),
)

LEARNING = (
    _stat("Projects", "max(winnow_projects)"),
    _stat("Decisions in all", "sum(max by (project, source, reason, action) (winnow_decisions_total))"),
    _stat("Open questions", "sum(max by (project, holder) (winnow_tasks_open))"),
    _stat("Leased now", 'sum(max by (project) (winnow_tasks_open{holder="reviewer"}))'),
    _stat("Failed versions", 'sum(max by (project) (winnow_versions{status="failed"})) or vector(0)'),
    _stat("Items", "sum(max by (project, state) (winnow_items))"),
    Panel(
        "Decisions an hour, by reason",
        {
            "{{reason}}": "sum by (reason) (max by (project, source, reason, action)"
            " (increase(winnow_decisions_total[1h])))"
        },
        about="Why the items were asked; `none`: imported or fed back.",
    ),
    Panel(
        "Open questions by project", {"{{project}}": "sum by (project) (max by (project, holder) (winnow_tasks_open))"}
    ),
    Panel("Age of the oldest question", {"{{project}}": "max by (project) (winnow_task_oldest_seconds)"}, "s"),
    Panel(
        "Accuracy by blind audits",
        {"{{project}}": 'max by (project) (winnow_accuracy_ratio{bound="estimate"})'},
        "percentunit",
    ),
    Panel(
        "Accuracy: lower bound less target",
        {
            "{{project}}": 'max by (project) (winnow_accuracy_ratio{bound="low"})'
            " - max by (project) (winnow_accuracy_target_ratio)"
        },
        "percentunit",
        about="Above 0 the target is met with certainty.",
    ),
    Panel(
        "Share answered without people",
        {"{{project}}": "max by (project) (winnow_automation_share_ratio)"},
        "percentunit",
    ),
    Panel(
        "Suspended, shifted",
        {
            "{{project}} suspended": "max by (project) (winnow_automation_suspended)",
            "{{project}} shifted": "max by (project) (winnow_drift_detected)",
        },
        about="1: audits contradict the promise; what comes in has changed.",
    ),
    Panel("Serving version", {"{{project}}": "max by (project) (winnow_serving_version)"}),
    Panel("Promotions and rollbacks", {"{{project}} {{kind}}": "max by (project, kind) (winnow_promotions_total)"}),
    Panel("Calibration error", {"{{project}}": "max by (project) (winnow_calibration_error_ratio)"}, "percentunit"),
    Panel(
        "Time to train, p95",
        {"train": _quantile("0.95", "winnow_worker_job_seconds", '{kind="train"}')},
        "s",
        width=12,
    ),
    Panel("Items by state", {"{{state}}": "sum by (state) (max by (project, state) (winnow_items))"}, width=12),
)

_P = '{project="$project"}'
PROJECT = (
    _stat(
        "Accuracy",
        'max(winnow_accuracy_ratio{project="$project",bound="estimate"})',
        "percentunit",
        "By blind audits alone.",
    ),
    _stat(
        "At least",
        'max(winnow_accuracy_ratio{project="$project",bound="low"})',
        "percentunit",
        "With 95 % certainty.",
    ),
    _stat("Wanted", f"max(winnow_accuracy_target_ratio{_P})", "percentunit"),
    _stat("Audits", f"max(winnow_accuracy_audits{_P})"),
    _stat("Answered without people", f"max(winnow_automation_share_ratio{_P})", "percentunit"),
    _stat("Serving version", f"max(winnow_serving_version{_P})"),
    Panel(
        "Accuracy and its bounds",
        {
            "{{bound}}": f"max by (bound) (winnow_accuracy_ratio{_P})",
            "target": f"max(winnow_accuracy_target_ratio{_P})",
        },
        "percentunit",
        width=12,
        about="From blind, random audits that the version was not trained on.",
    ),
    Panel(
        "Share answered without people", {"share": f"max(winnow_automation_share_ratio{_P})"}, "percentunit", width=12
    ),
    Panel(
        "Decisions", {"{{action}}": f"sum by (action) (max by (source, reason, action) (winnow_decisions_total{_P}))"}
    ),
    Panel("Open questions", {"{{holder}}": f"max by (holder) (winnow_tasks_open{_P})"}),
    Panel("Items", {"{{state}}": f"max by (state) (winnow_items{_P})"}),
    Panel(
        "Answers by category", {"{{category}}": f"sum by (category) (rate(winnow_predictions_total{_P}{_RATE}))"}, "cps"
    ),
    Panel(
        "Answers by version",
        {"version {{version}}": f"sum by (version) (rate(winnow_predictions_total{_P}{_RATE}))"},
        "cps",
    ),
    Panel(
        "Answers accepted and for review",
        {"{{decision}}": f"sum by (decision) (rate(winnow_predictions_total{_P}{_RATE}))"},
        "cps",
    ),
    Panel(
        "Confidence of the answers",
        {
            name: _quantile(share, "winnow_prediction_confidence_ratio", _P)
            for name, share in (("median", "0.5"), ("lowest tenth", "0.1"))
        },
        "percentunit",
        width=12,
    ),
    Panel("Versions by status", {"{{status}}": f"max by (status) (winnow_versions{_P})"}, width=12),
)

DASHBOARDS = {
    "service": ("Winnow: service", SERVICE, False),
    "learning": ("Winnow: learning loop", LEARNING, False),
    "project": ("Winnow: one project", PROJECT, True),
}


def build(name: str) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    title, panels, of_project = DASHBOARDS[name]
    return {
        "uid": f"winnow-{name}",
        "title": title,
        "tags": ["winnow"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-7d" if of_project else "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_CHOICE] if of_project else []},
        "panels": [_drawn(number, panel, place) for number, (panel, place) in enumerate(_placed(panels), 1)],
    }


_CHOICE = {
    "name": "project",
    "label": "Project",
    "type": "query",
    "datasource": SOURCE,
    "query": {"query": "label_values(winnow_serving_version, project)", "refId": "projects"},
    "refresh": 2,
    "sort": 1,
}


def _placed(panels: tuple[Panel, ...]) -> list[tuple[Panel, dict[str, int]]]:
    """Left to right, and on to a new row where the width is used up."""
    x = y = row = 0
    placed = []
    for panel in panels:
        if x + panel.width > _COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append((panel, {"x": x, "y": y, "w": panel.width, "h": panel.height}))
        x, row = x + panel.width, max(row, panel.height)
    return placed


def _drawn(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": query, "legendFormat": legend or "__auto"}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def written(name: str) -> str:
    """A dashboard as it stands in its file."""
    return json.dumps(build(name), indent=1, sort_keys=True) + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(written(name))


if __name__ == "__main__":
    main()
