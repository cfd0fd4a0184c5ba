"""Prometheus and Alertmanager as `deploy/` has them, over processes on this machine, and somebody who is told."""

import json
import math
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import yaml

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
_RULES = DEPLOY / "prometheus" / "rules"
_UNITS = {"s": 1, "m": 60, "h": 3600}


class Told(NamedTuple):
    """One alert in one of Alertmanager's messages; `at` by the monotonic clock."""

    alert: str
    status: str
    at: float


class Receiver:
    """Takes Alertmanager's webhooks."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body, now = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), time.monotonic()
                told.extend(Told(one["labels"]["alertname"], one["status"], now) for one in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def heard(self, alert: str, status: str = "firing", since: float = 0.0) -> float | None:
        """When it was first told after a moment; None where it was not."""
        return next((one.at for one in self.told if one[:2] == (alert, status) and one.at >= since), None)

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it is watched.

    Attributes:
        every: seconds between two scrapes, and between two looks at the rules.
        held: from the `for:` of a rule to the one it gets here, in seconds.
        whole: rules that keep their own.
        grouped: how long Alertmanager gathers before it tells; None: as in `deploy/`.
    """

    every: int
    held: Callable[[int], int]
    whole: frozenset[str] = frozenset()
    grouped: int | None = None

    def held_by(self, rule: str, seconds: int) -> int:
        """The `for:` that a rule gets here, in seconds, for the one it has."""
        return seconds if rule in self.whole else self.held(seconds)


HASTY = Pace(every=1, held=lambda seconds: min(seconds, 3), grouped=1)
"""For tests: everything happens within seconds."""

HURRIED = Pace(every=5, held=lambda seconds: min(seconds, 10), grouped=1)
"""As little as a busy machine bears: a scrape that takes longer than it may is taken for a process that is gone."""

AS_IS, CUT_TO = 180, 60
SLOW = frozenset({"ErrorBudgetBurnSlow", "LatencyBudgetBurnSlow"})
"""Rules that another silences for a while: cut, they would be told before it."""

DEPLOYED = Pace(every=15, held=lambda seconds: seconds if seconds <= AS_IS else CUT_TO, whole=SLOW)
"""As deployed, but for most of what is held longer than three minutes."""


def seconds_of(text: str) -> int:
    """`5m` as 300."""
    return int(text[:-1]) * _UNITS[text[-1]]


def rules() -> dict[str, int]:
    """Every alert with its `for:` in seconds, as it is deployed."""
    groups = [group for path in sorted(_RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    return {
        rule["alert"]: seconds_of(rule.get("for", "0s"))
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }


class Watch:
    """The two programs.

    Args:
        folder: an empty one for what they keep.
        targets: by the name of a job in `deploy/prometheus/prometheus.yml`, the ports to look at.
        programs: where `prometheus` and `prometheus-alertmanager` are.
        ports: two free ones, for Prometheus and Alertmanager.
        pace: how fast.
    """

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, list[int]],
        programs: Mapping[str, str],
        ports: tuple[int, int],
        pace: Pace = HASTY,
    ) -> None:
        self.receiver = Receiver()
        self._folder, self._targets, self._programs, self._pace = folder, targets, programs, pace
        self._port, self._alertmanager = ports
        self._processes: list[subprocess.Popen[bytes]] = []
        self._http = httpx2.Client(trust_env=False, timeout=60)

    def start(self) -> None:
        """Both; `is_ready` says when they are there."""
        self._run(
            "prometheus-alertmanager",
            f"--config.file={self._alertmanager_yml()}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self._alertmanager}",
            "--cluster.listen-address=",
        )
        self._run(
            "prometheus",
            f"--config.file={self._prometheus_yml()}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        )

    def is_ready(self) -> bool:
        """Whether both answer."""
        try:
            return all(
                self._http.get(f"http://127.0.0.1:{port}/-/ready").status_code == 200
                for port in (self._port, self._alertmanager)
            )
        except httpx2.TransportError:
            return False

    def asked(self, query: str) -> list[dict[str, Any]]:
        """What Prometheus says to a query now."""
        answer = self._http.get(f"http://127.0.0.1:{self._port}/api/v1/query", params={"query": query}).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def values(self, query: str, since: float) -> list[float]:
        """Every number that Prometheus has for a query since a moment."""
        asked: dict[str, str | float] = {"query": query, "start": since, "end": time.time(), "step": 1}
        answer = self._http.get(f"http://127.0.0.1:{self._port}/api/v1/query_range", params=asked).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        values = [float(value) for series in answer["data"]["result"] for _, value in series["values"]]
        return [value for value in values if not math.isnan(value)]

    def stop(self) -> None:
        """Both, and the receiver."""
        end(self._processes)
        self.receiver.close()
        self._http.close()

    def _run(self, name: str, *options: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [self._programs[name], *options]
            self._processes.append(subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log))

    def _prometheus_yml(self) -> Path:
        configured = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        pace = f"{self._pace.every}s"
        configured["global"] = {"scrape_interval": pace, "evaluation_interval": pace}
        configured["alerting"]["alertmanagers"] = [_static([self._alertmanager])]
        configured["scrape_configs"] = [{"job_name": name, **_static(ports)} for name, ports in self._targets.items()]
        folder = self._folder / "rules"
        folder.mkdir()
        for path in _RULES.glob("*.yml"):
            told = yaml.safe_load(path.read_text())
            for rule in (rule for group in told["groups"] for rule in group["rules"] if "for" in rule):
                rule["for"] = f"{self._pace.held_by(rule['alert'], seconds_of(rule['for']))}s"
            self._written(f"rules/{path.name}", told)
        return self._written("prometheus.yml", configured)

    def _alertmanager_yml(self) -> Path:
        text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
        if self._pace.grouped is not None:
            text = re.sub(r"(group_wait|group_interval): \w+", rf"\1: {self._pace.grouped}s", text)
        return self._written(
            "alertmanager.yml", yaml.safe_load(re.sub(r"http://\w+\.invalid/winnow", self.receiver.url, text))
        )

    def _written(self, name: str, what: dict[str, Any]) -> Path:
        path = self._folder / name
        path.write_text(yaml.safe_dump(what))
        return path


def _static(ports: list[int]) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}]}


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Tell processes to end, and kill those that have not after a minute."""
    told = list(processes)
    for process in told:
        process.terminate()
    for process in told:
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
