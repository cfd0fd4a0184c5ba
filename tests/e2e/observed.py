"""A whole system under observation: API and worker, Prometheus and Alertmanager, and somebody who is told."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from benchmarks._watch import Watch, end
from tests.servers import free_port, tool

ROOT = Path(__file__).resolve().parents[2]


def eventually(condition: Callable[[], Any], seconds: float = 240.0) -> Any:
    """What a condition gives as soon as it gives something; fails after a while."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)
    return found


class System:
    """The processes, on ports of their own. What is observed is what `deploy/` says, only faster."""

    def __init__(self, folder: Path, redis_url: str, encoder: Path) -> None:
        self.folder = folder
        self.api, self.worker = free_port(), free_port()
        programs = {name: tool(name) for name in ("prometheus", "prometheus-alertmanager")}
        targets = {"winnow-api": [self.api], "winnow-worker": [self.worker]}
        self.watch = Watch(folder, targets, programs, (free_port(), free_port()))
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
        prepare = [sys.executable, "-m", "models.prepare", "--json"]
        subprocess.run(prepare, env=self._environment, check=True, capture_output=True, timeout=240)
        self._run("api", sys.executable, "-m", "api")
        self.start_worker()
        eventually(lambda: self._answers(f"http://127.0.0.1:{self.api}/readyz"))
        eventually(lambda: self._answers(f"http://127.0.0.1:{self.worker}/healthz"))
        self.watch.start()
        eventually(self.watch.is_ready)

    def start_worker(self) -> None:
        self._run("worker", sys.executable, "-m", "worker")

    def kill_worker(self) -> None:
        process = self._processes["worker"]
        process.send_signal(signal.SIGKILL)
        process.wait()

    def key(self) -> str:
        """The key of this machine's own commands."""
        return (self.folder / "data" / "local.key").read_text()

    def stop(self) -> None:
        """Everything, and keep what the processes said."""
        end(self._processes.values())
        self.watch.stop()
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
