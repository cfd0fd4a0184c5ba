"""A bad version taken back under load: how long after the command somebody still gets its answer, on three processes.

Callers with connections of their own send predict requests to three API processes at a steady pace, whatever becomes of
them. Again and again a version is promoted, serves for a while, and is taken back by `POST …/models/rollback`. For each
time it is noted when the last answer of the version came, and whether any request that was sent after the command had
been answered was still answered by it.

    python -m benchmarks.rollback --json rollback.json        # twenty times, a minute and a half
    python -m benchmarks.rollback --quick                     # five times
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from benchmarks._stack import Stack, about, settle
from benchmarks.scale import Topics
from winnow import Client

TIMES, QUICK_TIMES = 20, 5
PROCESSES = 3
RATE, CALLERS = 60, 15
SERVES = 1.5
KNOWN, CATEGORIES = 120, 5
SLUG = "rollback"


@dataclass(frozen=True, slots=True)
class Answer:
    """When a request was sent and answered, by the monotonic clock, and by which version; None where it failed."""

    sent: float
    came: float
    version: int | None


class Caller(threading.Thread):
    """Asks the processes by turns, at its pace."""

    def __init__(self, stack: Stack, over: threading.Event, number: int) -> None:
        super().__init__(daemon=True)
        self._ports = itertools.cycle(stack.api_ports)
        self._over, self._number = over, number
        self._http = httpx2.Client(trust_env=False, timeout=60, headers={"X-API-Key": stack.key()})
        self.answers: list[Answer] = []

    def run(self) -> None:
        """Until all is over."""
        due = time.monotonic() + self._number / RATE
        for turn in itertools.count():
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            due += CALLERS / RATE
            body = {"items": [{"text": f"request {turn} of caller {self._number}"}]}
            url = f"http://127.0.0.1:{next(self._ports)}/v1/projects/{SLUG}/predict"
            sent, version = time.monotonic(), None
            try:
                told = self._http.post(url, json=body)
                version = told.json()["model_version"] if told.status_code == 200 else None
            except httpx2.HTTPError:
                pass
            self.answers.append(Answer(sent, time.monotonic(), version))


def main() -> None:
    """Measure, print, and write; ends with code 1 where a request failed or the version answered after all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TIMES} times instead of {TIMES}")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report: dict[str, Any] = about(options.seed)
    with tempfile.TemporaryDirectory(prefix="winnow-rollback-") as name:
        folder = Path(name)
        stack = Stack(folder, folder / "none", processes=PROCESSES, through="benchmarks._stand_in")
        with stack, stack.client() as client:
            furnish(client, Topics(options.seed))
            report |= take_back(stack, client, QUICK_TIMES if options.quick else TIMES)
    for key, value in report.items():
        print(f"{key:>36}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if report["failed"] or report["answers_of_it_asked_for_afterwards"] else 0)


def furnish(client: Client, topics: Topics) -> None:
    """A project whose first version serves and whose second waits."""
    names = topics.names[:CATEGORIES]
    client.create_project(SLUG, categories=names, settings={"retrain_every": 100_000, "promotion": "manual"})
    for _ in range(2):
        items = [{"text": topics.text(row % CATEGORIES), "category": names[row % CATEGORIES]} for row in range(KNOWN)]
        client.add_items(SLUG, items)
        settle(client, SLUG)
        client.train(SLUG)
        settle(client, SLUG)
    client.promote(SLUG, 1)


def take_back(stack: Stack, client: Client, times: int) -> dict[str, Any]:
    """Promote and take back so many times, under load."""
    over = threading.Event()
    callers = [Caller(stack, over, number) for number in range(CALLERS)]
    for caller in callers:
        caller.start()
    time.sleep(SERVES)
    commands: list[tuple[float, float]] = []
    for _ in range(times):
        client.promote(SLUG, 2)
        time.sleep(SERVES)
        began = time.monotonic()
        client.rollback(SLUG)
        commands.append((began, time.monotonic()))
        time.sleep(SERVES)
    over.set()
    for caller in callers:
        caller.join()
    answers = [answer for caller in callers for answer in caller.answers]
    last, late = [], 0
    for began, done in commands:
        # Then it is promoted again: what it answers later belongs to the next time.
        after = [one for one in answers if one.version == 2 and began <= one.came < began + SERVES]
        last.append(max((one.came for one in after), default=began) - began)
        late += sum(one.sent > done for one in after)
    return {
        "processes": PROCESSES,
        "times": times,
        "requests": len(answers),
        "failed": sum(one.version is None for one in answers),
        "answers_of_the_version_in_all": sum(one.version == 2 for one in answers),
        "command_seconds_median": round(statistics.median(done - began for began, done in commands), 3),
        "seconds_to_its_last_answer_median": round(statistics.median(last), 3),
        "seconds_to_its_last_answer_longest": round(max(last), 3),
        "answers_of_it_asked_for_afterwards": late,
    }


if __name__ == "__main__":
    main()
