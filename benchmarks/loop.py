"""The whole loop on the real processes: how accurate, how soon, how fast, on a labelled file.

Starts the API, a worker and a Redis-protocol server in a folder of their own, and then, through `winnow.Client`:

- accuracy on the test rows with no decision, and after some: a simulated reviewer leases cards from the queue and
  answers from the labels; after each round it waits until the system has learnt, as a slower person would not
  have to. Beside it the same head trained on as many decisions about items in random order. A tenth of the
  queue's questions are blind audits, which its own versions are not trained on; the random order has none.
- from the decision that triggers training to the first answer of the new version over HTTP;
- `POST /predict` of one text, against the same encoder and head called in this process, turn by turn.

    python -m benchmarks.loop --data banking77.csv --json loop.json
"""

import argparse
import csv
import json
import random
import statistics
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._stack import Stack, about, settle
from models.heads import probabilities
from models.learn.audit import exact_interval
from models.learn.text import fingerprint
from models.runtime import Runtime
from models.settings import Settings
from models.steps.accounts import SYSTEM
from models.steps.projects import find_project
from models.store.queries.projects import categories_of
from models.store.session import Database
from winnow import Client

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = list[tuple[str, str]]  # text and label
ROUND = 20
BLOCK = 200
NEVER = 1_000_000


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    pool: int | None
    test: int | None
    decisions: tuple[int, ...]
    turns: int
    predictions: int


FULL = Size(None, None, (500, 1000), 5, 400)
QUICK = Size(1500, 300, (60, 120), 3, 60)


@dataclass(frozen=True)
class Point:
    """Accuracy on the test rows."""

    order: str
    decisions: int
    version: int
    accuracy: float
    low: float
    high: float


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="CSV: text, label, split (train or test)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK.pool} items and {QUICK.decisions[-1]} decisions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    report: dict[str, Any] = about(options.seed)
    pool, test = read(options.data, size, options.seed)
    report |= {"pool": len(pool), "test": len(test), "categories": len({label for _, label in pool})}
    with (
        tempfile.TemporaryDirectory(prefix="winnow-loop-") as folder,
        Stack(Path(folder), options.encoders) as stack,
        stack.client() as client,
    ):
        points, queue_seconds, reasons = asked(client, pool, test, size)
        more, slug = at_random(client, pool, test, size, options.seed)
        report["accuracy"] = [asdict(point) for point in (*points, *more)]
        report["asked"] = reasons
        report["round_seconds"] = spread(queue_seconds)
        report["decision_to_answer_seconds"] = turnaround(client, slug, pool, size, options.seed)
        report["predict_ms"] = latency(stack, client, slug, test, size.predictions)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def read(path: Path, size: Size, seed: int) -> tuple[Rows, Rows]:
    """The rows to learn from and those to measure on, each text once, in random order."""
    with path.open(newline="", encoding="utf-8") as file:
        unique = list({fingerprint(row["text"]): row for row in csv.DictReader(file)}.values())
    random.Random(seed).shuffle(unique)
    pool = [(row["text"], row["label"]) for row in unique if row["split"] == "train"]
    test = [(row["text"], row["label"]) for row in unique if row["split"] == "test"]
    return pool[: size.pool], test[: size.test]


def asked(client: Client, pool: Rows, test: Rows, size: Size) -> tuple[list[Point], list[float], dict[str, int]]:
    """Answer what the queue asks; accuracy at each stop, how long the system took after each round, what it asked."""
    slug = make(client, "Asked", pool, retrain_every=ROUND)
    points = [measure(client, slug, test, "none yet", 0)]
    truth = {str(number): label for number, (_, label) in enumerate(pool)}
    seconds: list[float] = []
    reasons: Counter[str] = Counter()
    done = 0
    for stop in size.decisions:
        while done < stop:
            tasks = client.lease(slug, min(ROUND, stop - done))
            results = client.decide_many(
                slug,
                [
                    {
                        "task_id": task.task_id,
                        "action": "correct",
                        "categories": [truth[task.item.external_id or ""]],
                        "idempotency_key": uuid.uuid4().hex,
                    }
                    for task in tasks
                ],
            )
            done += sum(result.status == "created" for result in results)
            reasons.update(task.reason for task in tasks)
            began = time.perf_counter()
            settle(client, slug)
            seconds.append(time.perf_counter() - began)
        points.append(measure(client, slug, test, "queue", done))
    return points, seconds, dict(reasons)


def at_random(client: Client, pool: Rows, test: Rows, size: Size, seed: int) -> tuple[list[Point], str]:
    """Decide items in random order, train once at each stop."""
    slug = make(client, "At random", pool, retrain_every=NEVER, audit_rate=0)
    rest = undecided(client, slug, seed)
    points, done = [], 0
    for stop in size.decisions:
        decide(client, slug, [rest.pop() for _ in range(stop - done)], pool)
        done = stop
        client.wait(client.train(slug).id)
        settle(client, slug)
        points.append(measure(client, slug, test, "random", done))
    return points, slug


def turnaround(client: Client, slug: str, pool: Rows, size: Size, seed: int) -> dict[str, Any]:
    """Seconds from posting the decision that triggers training to an answer of the version it gives."""
    client.update_project(slug, settings={"retrain_every": ROUND})
    rest = undecided(client, slug, seed)
    settle(client, slug)
    taken: list[float] = []
    for _ in range(size.turns):
        missing = ROUND - client.stats(slug).training.decisions_since_last
        decide(client, slug, [rest.pop() for _ in range(missing - 1)], pool)
        before = client.predict(slug, "is it there yet").model_version
        began = time.perf_counter()
        decide(client, slug, [rest.pop()], pool)
        while client.predict(slug, "is it there yet").model_version == before:
            time.sleep(0.02)
        taken.append(time.perf_counter() - began)
        settle(client, slug)
    return {**spread(taken), "all": [round(one, 2) for one in taken]}


def latency(stack: Stack, client: Client, slug: str, test: Rows, count: int) -> dict[str, Any]:
    """One text over HTTP and in this process, by turns, so that both meet the same load; milliseconds."""
    settings = Settings(data_dir=stack.data, redis_url=stack.variables["WINNOW_REDIS_URL"])
    database = Database(settings.database)
    runtime = Runtime(settings, database)
    with database.read() as session:
        project = find_project(session, SYSTEM, slug)
        served = runtime.heads.get(session, project)
        categories = categories_of(session, project.id, archived=False)
    database.close()

    def by_http(text: str) -> object:
        return client.predict(slug, text)

    def in_process(text: str) -> object:
        return probabilities(served, runtime.encoder.encode([text]), categories)

    times: dict[str, list[float]] = {"http": [], "in_process": []}
    ways: dict[str, Callable[[str], object]] = {"http": by_http, "in_process": in_process}
    for turn in range(count + 10):
        for name, way in ways.items():
            text = f"{test[turn % len(test)][0]} ({turn})"  # new to the API, which remembers what it has read
            began = time.perf_counter()
            way(text)
            if turn >= 10:  # the first ones warm up
                times[name].append((time.perf_counter() - began) * 1000)
    found = {name: spread(each) for name, each in times.items()}
    ratios = {key: round(found["http"][key] / found["in_process"][key], 2) for key in ("p50", "p95")}
    return {**found, "http_over_in_process": ratios}


def make(client: Client, name: str, pool: Rows, **settings: Any) -> str:
    """A project with the rows in it, embedded and ready to be asked."""
    labels = sorted({label for _, label in pool})
    slug = client.create_project(name, categories=labels, settings=settings).slug
    for start in range(0, len(pool), 1000):
        block = enumerate(pool[start : start + 1000], start)
        client.add_items(slug, [{"id": str(number), "text": text} for number, (text, _) in block])
    settle(client, slug)
    return slug


def undecided(client: Client, slug: str, seed: int) -> list[tuple[str, int]]:
    """Id and row number of every undecided item, in random order."""
    items = [(item.id, int(item.external_id or 0)) for item in client.items(slug, state="undecided", limit=1000)]
    random.Random(seed).shuffle(items)
    return items


def decide(client: Client, slug: str, items: list[tuple[str, int]], pool: Rows) -> None:
    """Give items their true category."""
    for start in range(0, len(items), BLOCK):
        results = client.decide_many(
            slug,
            [
                {"item_id": item_id, "action": "correct", "categories": [pool[row][1]]}
                for item_id, row in items[start : start + BLOCK]
            ],
        )
        failed = [result for result in results if result.status == "failed"]
        if failed:
            message = f"a decision failed: {failed[0].error}"
            raise RuntimeError(message)


def measure(client: Client, slug: str, test: Rows, order: str, decisions: int) -> Point:
    """What the serving version answers to the test rows."""
    right, version = 0, 0
    for start in range(0, len(test), BLOCK):
        block = test[start : start + BLOCK]
        found = client.predict(slug, [text for text, _ in block])
        version = found.model_version
        right += sum(one.category == label for one, (_, label) in zip(found.predictions, block, strict=True))
    low, high = exact_interval(right, len(test))
    print(f"{order:>9} {decisions:>6}  version {version:>3}  {right / len(test):.4f}", flush=True)
    return Point(order, decisions, version, right / len(test), low, high)


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
    }


def show(report: dict[str, Any]) -> None:
    """The tables, and how to get them again."""
    print(f"\n{report['command']}\n{report['machine']}; Python {report['python']}; seed {report['seed']}", end="")
    print(f"; load {report['load_at_start']} at the start")
    print(f"{report['pool']} items, {report['test']} to measure, {report['categories']} categories\n")
    print(f"{'decisions':>9}  {'order':<9} {'accuracy':>8}  95 %")
    for point in report["accuracy"]:
        print(
            f"{point['decisions']:>9}  {point['order']:<9} {point['accuracy']:>8.3f}"
            f"  {point['low']:.3f}-{point['high']:.3f}"
        )
    turn, ms, settled = report["decision_to_answer_seconds"], report["predict_ms"], report["round_seconds"]
    print(f"\nthe queue asked: {report['asked']}")
    print(f"after {ROUND} decisions, until all work is done: median {settled['p50']} s, p95 {settled['p95']} s")
    print(f"decision to an answer of the new version: median {turn['p50']} s of {turn['all']}")
    for name in ("http", "in_process"):
        print(f"one text, {name.replace('_', ' '):<10}: p50 {ms[name]['p50']} ms, p95 {ms[name]['p95']} ms")
    print(f"HTTP over in process: {ms['http_over_in_process']}")


if __name__ == "__main__":
    main()
