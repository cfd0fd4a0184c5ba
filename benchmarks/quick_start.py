"""How soon a large import can be worked with, with and without quick vectors, and what accuracy they cost meanwhile.

Imports a file twice into the real processes, once with `WINNOW_QUICK_VECTORS` at 20,000 and once with 0. While
vectors are still being made one reviewer decides what the queue asks, rightly, half a second each. Times count from the
beginning of the upload. The rows are those of the data, each so often as is needed with a number of its own behind it;
accuracy is of test rows that are not among them, asked over HTTP.

    python -m benchmarks.quick_start --data banking77.csv --json quick-start.json
"""

import argparse
import csv
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._stack import Stack, about, settle
from benchmarks.static import read
from models.learn.audit import exact_interval
from models.learn.encoders import load_encoder
from winnow import Client

ITEMS, QUICK_ITEMS = 100_000, 24_000
STOPS, QUICK_STOPS = (50, 100, 200, 300), (50, 100)
TEST, QUICK_TEST = 1_000, 300
MOST_TEXTS = 20_000
ROUND, PAUSE, LOOK, LONGEST = 10, 0.5, 0.5, 3_600.0
MODES = {"quick": {"WINNOW_QUICK_VECTORS": "20000"}, "full alone": {"WINNOW_QUICK_VECTORS": "0"}}
Rows = Sequence[tuple[str, str]]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="CSV: text, label and perhaps split")
    parser.add_argument("--items", type=int, help=f"rows of the import; {ITEMS:,} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ITEMS:,} rows, {QUICK_STOPS[-1]} decisions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    options = parser.parse_args()
    items = options.items or (QUICK_ITEMS if options.quick else ITEMS)
    learn, test = read(options.data, options.seed, MOST_TEXTS)
    test = test[: QUICK_TEST if options.quick else TEST]
    report: dict[str, Any] = about(options.seed) | {"data": options.data.name, "items": items, "test": len(test)}
    began = time.perf_counter()
    load_encoder(runtime="static", cache_dir=options.encoders, threads=2)
    report["distilled_or_loaded_seconds"] = round(time.perf_counter() - began, 1)
    for mode, settings in MODES.items():
        with (
            tempfile.TemporaryDirectory(prefix="winnow-quick-start-") as name,
            Stack(Path(name), options.encoders, settings=settings) as stack,
            stack.client() as client,
        ):
            file = Path(name) / "rows.csv"
            generate(file, learn, items)
            stops = QUICK_STOPS if options.quick else STOPS
            report[mode] = Run(client, learn, test).go(file, items, stops)
            report[mode]["worker_mib_peak"] = round(stack.memory_mib("worker")[1])
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def generate(path: Path, learn: Rows, items: int) -> None:
    """A CSV of the rows over and over, each with its own number behind it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "text"])
        out.writerows((number, text_of(learn, number)) for number in range(items))


def text_of(learn: Rows, number: int) -> str:
    """The text of a row of the import."""
    return f"{learn[number % len(learn)][0]} ({number})"


class Run:
    """One import and the work on it, timed from its beginning."""

    def __init__(self, client: Client, learn: Rows, test: Rows) -> None:
        self.client, self.learn, self.test = client, learn, test
        self.began = 0.0
        self.slug = ""
        self.found: dict[str, Any] = {}

    def go(self, file: Path, items: int, stops: Sequence[int]) -> dict[str, Any]:
        """Import, decide at once what is asked, wait for the last vector."""
        labels = sorted({label for _, label in self.learn})
        settings = {"retrain_every": stops[0], "audit_rate": 0.1}
        self.slug = self.client.create_project("Quick start", categories=labels, settings=settings).slug
        self.began = time.perf_counter()
        job = self.client.import_file(self.slug, file, text_fields=["text"], id_field="id").job_id
        self.found = {"first_card_seconds": None, "first_version_seconds": None, "accuracy": []}
        last = text_of(self.learn, items - 1)
        done, stops = 0, list(stops)
        while True:
            self._look(job, last, items)
            if stops:
                done += self._decide(min(ROUND, stops[0] - done))
            else:
                time.sleep(LOOK)
            if stops and done >= stops[0]:
                self._await_version(done)
                stops.pop(0)
            if not stops and "full_vectors_seconds" in self.found:
                break
            if self._now() > LONGEST:
                sys.exit(f"not over after {LONGEST:g} s: {self.found}")
        settle(self.client, self.slug)
        self._measure(done, self._newest())
        return self.found

    def _now(self) -> float:
        return round(time.perf_counter() - self.began, 1)

    def _look(self, job: str, last: str, items: int) -> None:
        """Note when the rows are stored, when the last of them is found by its meaning, when all have full vectors."""
        found = self.found
        if "stored_seconds" not in found and self.client.job(job).status == "succeeded":
            found["stored_seconds"] = self._now()
        if "stored_seconds" in found and "searched_seconds" not in found:
            nearest = self.client.items_page(self.slug, like=last, limit=1).items
            if nearest and nearest[0].text == last:
                found["searched_seconds"] = self._now()
        stats = self.client.stats(self.slug).items
        if "full_vectors_seconds" not in found and stats.total == items == stats.embedded:
            found["full_vectors_seconds"] = self._now()

    def _decide(self, count: int) -> int:
        """Answer so many cards, at a person's pace. How many there were."""
        tasks = self.client.lease(self.slug, count)
        if tasks and self.found["first_card_seconds"] is None:
            self.found["first_card_seconds"] = self._now()
        for task in tasks:
            time.sleep(PAUSE)
            label = self.learn[int(task.item.external_id or 0) % len(self.learn)][1]
            key = uuid.uuid4().hex
            self.client.decide(
                self.slug, task_id=task.task_id, action="correct", categories=[label], idempotency_key=key
            )
        if not tasks:
            time.sleep(LOOK)
        return len(tasks)

    def _await_version(self, done: int) -> None:
        """Wait until a version has learnt what was decided, and measure it."""
        while True:
            training = self.client.stats(self.slug).training
            enough = training.retrain_every is not None and training.decisions_since_last >= training.retrain_every
            if not training.running and not enough:
                break
            time.sleep(LOOK)
        while not (made := self._newest()):
            time.sleep(LOOK)
        if self.found["first_version_seconds"] is None:
            self.found["first_version_seconds"] = self._now()
        self._measure(done, made)

    def _newest(self) -> int:
        """The newest version that is made, whether it serves or not; 0 before the first."""
        made = (one.version for one in self.client.versions(self.slug) if one.artifact_sha256 is not None)
        return max(made, default=0)

    def _measure(self, done: int, version: int) -> None:
        """A version on the test rows."""
        at, right = self._now(), 0
        for start in range(0, len(self.test), 100):
            block = self.test[start : start + 100]
            found = self.client.predict(self.slug, [text for text, _ in block], model_version=version)
            right += sum(one.category == label for one, (_, label) in zip(found.predictions, block, strict=True))
        low, high = exact_interval(right, len(self.test))
        point = {
            "seconds": at,
            "decisions": done,
            "version": version,
            "encoder": self.client.version(self.slug, version).encoder,
            "accuracy": round(right / len(self.test), 3),
            "low": round(low, 3),
            "high": round(high, 3),
        }
        print(point, flush=True)
        self.found["accuracy"].append(point)


def show(report: dict[str, Any]) -> None:
    """The table, and how to get it again."""
    print(f"{report['command']}\n{report['machine']}; seed {report['seed']}; load {report['load_at_start']}")
    for mode in MODES:
        print(f"\n{mode}")
        for name, value in report[mode].items():
            if name != "accuracy":
                print(f"{name:>24}  {value}")
        for one in report[mode]["accuracy"]:
            accuracy = f"{one['accuracy']} ({one['low']}-{one['high']})"
            by = f"version {one['version']}, {one['encoder']}"
            print(f"{one['decisions']:>9} decisions at {one['seconds']:>7} s: {accuracy}  {by}")


if __name__ == "__main__":
    main()
