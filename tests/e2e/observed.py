"""A whole system under observation: API and worker, Prometheus and Alertmanager, and somebody who is told."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tests.servers import free_port, tool

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


def eventually(condition: Callable[[], Any], seconds: float = 240.0) -> Any:
    """What a condition gives as soon as it gives something; fails after a while."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)
    return found


class Receiver:
    """Takes Alertmanager's webhooks."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.extend((one["labels"]["alertname"], one["status"]) for one in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class System:
    """The processes, on ports of their own. What is observed is what `deploy/` says, only faster."""

    def __init__(self, folder: Path, redis_url: str, encoder: Path) -> None:
        self.folder = folder
        self.receiver = Receiver()
        self.api, self.worker, self.prometheus, self.alertmanager = (free_port() for _ in range(4))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
            "PYTHONPATH": str(ROOT),
            "WINNOW_DATA_DIR": str(folder / "data"),
            "WINNOW_API_PORT": str(self.api),
            "WINNOW_WORKER_METRICS_PORT": str(self.worker),
            "WINNOW_REDIS_URL": redis_url,
            "WINNOW_ENCODER": str(encoder),
        }
        self._http = httpx2.Client(trust_env=False, timeout=60)

    def start(self) -> None:
        """Everything, until it is ready."""
        prometheus, alertmanager = tool("prometheus"), tool("prometheus-alertmanager")
        prepare = [sys.executable, "-m", "models.prepare", "--json"]
        subprocess.run(prepare, env=self._environment, check=True, capture_output=True, timeout=240)
        self._run("api", sys.executable, "-m", "api")
        self.start_worker()
        eventually(lambda: self._answers(f"http://127.0.0.1:{self.api}/readyz"))
        eventually(lambda: self._answers(f"http://127.0.0.1:{self.worker}/healthz"))
        self._run(
            "alertmanager",
            alertmanager,
            f"--config.file={self._alertmanager_yml()}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.alertmanager}",
            "--cluster.listen-address=",
        )
        self._run(
            "prometheus",
            prometheus,
            f"--config.file={self._prometheus_yml()}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
        )
        eventually(lambda: self._answers(f"http://127.0.0.1:{self.prometheus}/-/ready"))

    def start_worker(self) -> None:
        self._run("worker", sys.executable, "-m", "worker")

    def kill_worker(self) -> None:
        process = self._processes["worker"]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def key(self) -> str:
        """The key of this machine's own commands."""
        return (self.folder / "data" / "local.key").read_text()

    def values(self, query: str, since: float) -> list[float]:
        """Every finite value that Prometheus has for a query since a moment."""
        asked = {"query": query, "start": since, "end": time.time(), "step": 1}
        answer = self._http.get(f"http://127.0.0.1:{self.prometheus}/api/v1/query_range", params=asked).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        values = [float(value) for series in answer["data"]["result"] for _, value in series["values"]]
        return [value for value in values if value == value]  # noqa: PLR0124  (NaN is not itself)

    def stop(self) -> None:
        """Everything, and keep what the processes said."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.receiver.close()
        self._http.close()

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self._environment, cwd=self.folder, stdout=log, stderr=log
            )

    def _answers(self, url: str) -> bool:
        try:
            return self._http.get(url).status_code == 200
        except httpx2.TransportError:
            return False

    def _prometheus_yml(self) -> Path:
        configured = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        configured["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configured["alerting"]["alertmanagers"] = [_static(self.alertmanager)]
        jobs = {"winnow-api": self.api, "winnow-worker": self.worker}
        configured["scrape_configs"] = [{"job_name": name, **_static(port)} for name, port in jobs.items()]
        rules = self.folder / "rules"
        rules.mkdir()
        for path in (DEPLOY / "prometheus" / "rules").glob("*.yml"):
            (rules / path.name).write_text(re.sub(r"for: \d+m", "for: 3s", path.read_text()))
        return self._written("prometheus.yml", configured)

    def _alertmanager_yml(self) -> Path:
        text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
        text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text)
        configured = yaml.safe_load(re.sub(r"http://\w+\.invalid/winnow", self.receiver.url, text))
        return self._written("alertmanager.yml", configured)

    def _written(self, name: str, what: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(what))
        return path


def _static(port: int) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
