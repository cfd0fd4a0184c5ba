"""A rolling restart under load: two API processes behind a small stand-in for a Kubernetes Service, and what fails.

Like a Service, the stand-in sends each request to the next process that is ready, and learns late that one no longer
is: it asks each for `/readyz` every half second. Callers keep their connections open, send at a steady pace whatever
becomes of it, and never send anything twice. Each process in turn is replaced as the manifests have it: a new one is
started first, and when it is ready the old one gets SIGTERM. `--drain 0` shows what happens without the farewell.

    python -m benchmarks.rollout --json rollout.json                  # four rounds of two, 50 requests a second
    python -m benchmarks.rollout --quick                              # one round
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2

from benchmarks._stack import Stack, about, free_port, settle

ROUNDS, QUICK_ROUNDS = 4, 1
RATE, CALLERS = 50, 25
DRAIN = 5
ASKED_EVERY = 0.5
CALM = 5.0
PATIENCE = 180.0
SLUG = "rollout"


class Service:
    """The processes that are ready, as far as is known, by turns."""

    def __init__(self, ports: list[int]) -> None:
        self._known, self._ready, self._turn = list(ports), list(ports), 0
        self._lock = threading.Lock()
        self._http = httpx2.Client(trust_env=False, timeout=10)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def next(self) -> int:
        """Where the next request goes."""
        with self._lock:
            self._turn += 1
            return self._ready[self._turn % len(self._ready)]

    def join(self, port: int) -> None:
        """Wait until a new process is ready; from then on it gets requests."""
        deadline = time.monotonic() + PATIENCE
        self._known.append(port)
        while port not in self._ready:
            if time.monotonic() > deadline:
                sys.exit(f"the process at {port} is not ready after {PATIENCE:g} s")
            time.sleep(0.1)

    def forget(self, port: int) -> None:
        """Ask a process that has ended no longer."""
        self._known.remove(port)

    def close(self) -> None:
        """Ask nobody any more."""
        self._over.set()
        self._thread.join()
        self._http.close()

    def _look(self) -> None:
        while not self._over.wait(ASKED_EVERY):
            ready = [port for port in list(self._known) if self._is_ready(port)]
            with self._lock:
                self._ready = ready or self._ready

    def _is_ready(self, port: int) -> bool:
        try:
            return self._http.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        except httpx2.HTTPError:
            return False


class Caller(threading.Thread):
    """Sends at its pace: by turns an answer wanted, and a project looked at."""

    def __init__(self, service: Service, key: str, over: threading.Event, number: int) -> None:
        super().__init__(daemon=True)
        self._service, self._over, self._number = service, over, number
        self._http = httpx2.Client(trust_env=False, timeout=60, headers={"X-API-Key": key})
        self.outcomes: Counter[str] = Counter()
        self.times: list[float] = []

    def run(self) -> None:
        """Until all is over."""
        pause, turn = CALLERS / RATE, 0
        due = time.monotonic() + pause * self._number / CALLERS
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due, turn = due + pause, turn + 1
            url, began = f"http://127.0.0.1:{self._service.next()}/v1/projects/{SLUG}", time.monotonic()
            try:
                if turn % 2:
                    text = f"request {turn} of caller {self._number}"
                    answer = self._http.post(f"{url}/predict", json={"items": [{"text": text}]})
                else:
                    answer = self._http.get(url)
            except httpx2.HTTPError as error:
                self.outcomes[type(error).__name__] += 1
            else:
                self.outcomes[str(answer.status_code)] += 1
                self.times.append(time.monotonic() - began)


def main() -> None:
    """Restart under load, print, and write; ends with code 1 where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} round instead of {ROUNDS}")
    parser.add_argument("--drain", type=int, default=DRAIN, help=f"WINNOW_DRAIN_SECONDS; {DRAIN} if left out")
    parser.add_argument("--seed", type=int, default=0, help="nothing is drawn at random; for the form's sake")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    report: dict[str, Any] = about(options.seed) | {"drain_seconds": options.drain}
    with tempfile.TemporaryDirectory(prefix="winnow-rollout-") as name:
        folder = Path(name)
        settings = {"WINNOW_DRAIN_SECONDS": str(options.drain)}
        stack = Stack(folder, folder / "none", settings=settings, processes=2, through="benchmarks._stand_in")
        with stack, stack.client() as client:
            client.create_project(SLUG, categories=["Billing", "Login", "Shipping"])
            settle(client, SLUG)
            report |= restart(stack, rounds)
    for key, value in report.items():
        print(f"{key:>24}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if report["failed"] else 0)


def restart(stack: Stack, rounds: int) -> dict[str, Any]:
    """Replace every process so many times, under load."""
    over, service = threading.Event(), Service(stack.api_ports)
    callers = [Caller(service, stack.key(), over, number) for number in range(CALLERS)]
    began, ended = time.monotonic(), []
    for caller in callers:
        caller.start()
    serving = ["api", f"api-{stack.api_ports[1]}"]
    ports = list(stack.api_ports)
    time.sleep(CALM)
    for _ in range(rounds):
        for place in range(2):
            port = free_port()
            stack.start("api", port)
            service.join(port)
            ended.append(stack.dismiss(serving[place]))
            service.forget(ports[place])
            serving[place], ports[place] = f"api-{port}", port
            time.sleep(CALM)
    over.set()
    for caller in callers:
        caller.join()
    seconds = time.monotonic() - began
    service.close()
    outcomes = sum((caller.outcomes for caller in callers), Counter[str]())
    times = sorted(one for caller in callers for one in caller.times)
    total = sum(outcomes.values())
    return {
        "processes_replaced": len(ended),
        "seconds": round(seconds, 1),
        "requests": total,
        "requests_a_second": round(total / seconds, 1),
        "outcomes": dict(outcomes),
        "failed": total - outcomes["200"],
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[int(0.99 * (len(times) - 1))] * 1000, 1),
        "seconds_from_sigterm_to_end": [round(one, 1) for one in ended],
    }


if __name__ == "__main__":
    main()
