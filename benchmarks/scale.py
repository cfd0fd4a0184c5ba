"""What each part of the work costs as the pool grows: import, review, search, training, export on the real processes.

Generates a CSV of short texts about a hundred topics, 5,000 of them labelled, and takes it the whole way through the
HTTP API, with one worker. Encoding, the one cost that is meant to grow, is left out: a stand-in makes the vectors.
Beside the time on the clock stands what API and PostgreSQL used of the processor: other work on the machine does not
change that. `least` is the quickest of the looks, as near as a busy machine comes to what it takes on an idle one.

    python -m benchmarks.scale --items 100000 --json scale.json
    python -m benchmarks.scale --items 100000 --database postgresql://user@host/empty
"""

import argparse
import csv
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks._load import asked
from benchmarks._stack import Stack, about, settle
from benchmarks.importing import bring_in
from winnow import Client

ITEMS, QUICK_ITEMS = 100_000, 20_000
LABELLED = 5_000
TOPICS, OWN_WORDS, COMMON_WORDS = 100, 6, 2_000
PEOPLE, PAUSE = 16, 1.0
SECONDS, QUICK_SECONDS = 40, 15
TURNS, QUICK_TURNS = 20, 8
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "zi")
MOST_TRAINING = 300.0


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, help=f"size of the pool; {ITEMS:,} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ITEMS:,} items, fewer turns")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database; SQLite if left out")
    options = parser.parse_args()
    items = options.items or (QUICK_ITEMS if options.quick else ITEMS)
    report: dict[str, Any] = about(options.seed) | {"items": items}
    report["database"] = "PostgreSQL" if options.database else "SQLite"
    turns, seconds = (QUICK_TURNS, QUICK_SECONDS) if options.quick else (TURNS, SECONDS)
    with tempfile.TemporaryDirectory(prefix="winnow-scale-") as name:
        folder = Path(name)
        file = folder / "rows.csv"
        topics = generate(file, items, options.seed)
        stack = Stack(
            folder,
            folder / "none",
            options.database,
            settings={"WINNOW_RATE_READS": "1000000", "WINNOW_RATE_WRITES": "1000000"},
            through="benchmarks._stand_in",
        )
        with stack, stack.client() as client:
            quiet = {"retrain_every": 1_000_000, "audit_rate": 0.1}
            slug = client.create_project("Scale", categories=topics.names, settings=quiet).slug
            report |= bring_in(stack, client, slug, file, "label")
            began, used = time.perf_counter(), stack.used()
            settle(client, slug)
            report["embedded_scored_and_queued_seconds"] = round(time.perf_counter() - began, 2)
            report["of_these_on_the_processor"] = since(used, stack.used())
            report["trigger_to_served_seconds"] = trigger(client, slug)
            report["all_work_after_training_seconds"] = timed(lambda: settle(client, slug))
            report |= review(stack, slug, seconds)
            report["milliseconds"] = looks(stack, slug, topics, turns)
            report |= export(client, slug, items)
            report["api_mib_peak"] = round(stack.memory_mib("api")[1])
            report["worker_mib_peak"] = round(stack.memory_mib("worker")[1])
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


class Topics:
    """A hundred topics with words of their own, beside words that all share, common ones more often."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        words = {"".join(self.rng.choices(SYLLABLES, k=self.rng.randint(2, 4))) for _ in range(6 * COMMON_WORDS)}
        drawn = sorted(words)
        self.rng.shuffle(drawn)
        own = TOPICS * OWN_WORDS
        self.own = [drawn[place : place + OWN_WORDS] for place in range(0, own, OWN_WORDS)]
        self.common = drawn[own : own + COMMON_WORDS]
        self.often = [1 / (place + 10) for place in range(COMMON_WORDS)]
        self.names = [f"{words[0]} {words[1]}".capitalize() for words in self.own]

    def text(self, topic: int) -> str:
        """About a dozen words, three of them the topic's."""
        words = self.rng.choices(self.common, self.often, k=self.rng.randint(6, 11))
        words += self.rng.choices(self.own[topic], k=3)
        self.rng.shuffle(words)
        return " ".join(words)


def generate(path: Path, rows: int, seed: int) -> Topics:
    """A CSV of texts, no two alike; the first 5,000 have a label."""
    topics = Topics(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "text", "label"])
        for number in range(rows):
            topic = topics.rng.randrange(TOPICS)
            label = topics.names[topic] if number < LABELLED else ""
            out.writerow((number, f"{topics.text(topic)} {number}", label))
    return topics


def timed(act: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    act()
    return round(time.perf_counter() - began, 2)


def trigger(client: Client, slug: str) -> float:
    """From asking for a version to its first answer."""
    began = time.perf_counter()
    client.train(slug)
    while client.predict(slug, ["what now"]).model_version == 0:
        if time.perf_counter() - began > MOST_TRAINING:
            sys.exit(f"no version serves after {MOST_TRAINING:g} s: {client.versions(slug)}")
        time.sleep(0.05)
    return round(time.perf_counter() - began, 2)


def review(stack: Stack, slug: str, seconds: float) -> dict[str, Any]:
    """What sixteen people wait for, who need a second for each answer."""
    arguments = [str(stack.api_port), slug, stack.key(), str(PEOPLE), str(seconds), str(PAUSE)]
    command = [sys.executable, "-m", "benchmarks._reviewers", *arguments]
    used = stack.used()
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    answered = len(told["leases"]) + len(told["decisions"])
    return {
        "review_processor_ms_each_request": since(used, stack.used(), 1000 / max(1, answered)),
        "lease_ms": spread(told["leases"]),
        "decision_ms": spread(told["decisions"]),
        "leases_without_a_question": told["empty"],
        "refused": told["refused"],
    }


def looks(stack: Stack, slug: str, topics: Topics, turns: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each kind of look at the pool, one after the other by turns."""
    rng = random.Random(1)
    page = f"/v1/projects/{slug}"

    def items(**asked_for: object) -> str:
        return f"{page}/items?{urlencode({'limit': 50, **asked_for})}"

    def topic() -> list[str]:
        return rng.choice(topics.own)

    def name() -> str:
        return rng.choice(topics.names)

    kinds: dict[str, Callable[[], str]] = {
        "stats": lambda: f"{page}/stats",
        "metrics": lambda: "/metrics",
        "browse": items,
        "decided": lambda: items(state="decided"),
        "category": lambda: items(category=name()),
        "least confident": lambda: items(sort="confidence"),
        "category, confidence": lambda: items(category=name(), min_confidence=0.2, sort="-confidence"),
        "common word": lambda: items(q=rng.choice(topics.common[:20])),
        "two words": lambda: items(q=" ".join(rng.sample(topic(), 2))),
        "rare word": lambda: items(q=str(rng.randrange(1000, 9000))),
        "absent word": lambda: items(q="zzyzx"),
        "word in a category": lambda: items(q=rng.choice(topics.common[:200]), category=name()),
        "like a text": lambda: items(like=topics.text(rng.randrange(TOPICS))),
        "like, second page": lambda: second_page(line, key, items(like=" ".join(topic()))),
    }
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    spent: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    key = stack.key()
    with socket.create_connection(("127.0.0.1", stack.api_port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for turn in range(turns + 1):
            for kind, path in kinds.items():
                where = path()
                before, began = stack.used(), time.perf_counter()
                get(line, key, where)
                if turn:  # the first turn opens files and connections
                    found[kind].append((time.perf_counter() - began) * 1000)
                    spent[kind].update(since(before, stack.used(), 1000 / turns))
    return {
        kind: spread(times) | {"least": round(min(times), 1), "processor": round(_of_a_look(spent[kind]), 1)}
        for kind, times in found.items()
    }


def since(before: dict[str, float], now: dict[str, float], times: float = 1.0) -> dict[str, float]:
    """What was used meanwhile, times a factor."""
    return {name: round((seconds - before[name]) * times, 2) for name, seconds in now.items()}


def _of_a_look(spent: Counter[str]) -> float:
    """What API and PostgreSQL used; what the worker does meanwhile has nothing to do with it."""
    return spent["api"] + spent["postgresql"]


def second_page(line: socket.socket, key: str, path: str) -> str:
    """The address of what comes after a page."""
    return f"{path}&{urlencode({'cursor': json.loads(get(line, key, path))['next_cursor']})}"


def get(line: socket.socket, key: str, path: str) -> bytes:
    """The body of an answer; stops where a server refuses."""
    answer = asked(line, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n".encode())
    if answer[9:12] != b"200":
        sys.exit(f"{path}: {answer[:500].decode(errors='replace')}")
    return answer.partition(b"\r\n\r\n")[2]


def export(client: Client, slug: str, items: int) -> dict[str, Any]:
    """Rows a second of the whole pool as JSON Lines, from asking to the last byte."""
    began = time.perf_counter()
    lines = sum(piece.count(b"\n") for piece in client.export(slug, "jsonl"))
    taken = time.perf_counter() - began
    if lines != items:
        sys.exit(f"the export has {lines} rows of {items}")
    return {"export_rows_per_second": round(lines / taken)}


def spread(times: Iterable[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    ordered = sorted(times)
    if not ordered:
        return {"count": 0}
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {"p50": round(statistics.median(ordered), 1), "p95": round(p95, 1), "count": len(ordered)}


def show(report: dict[str, Any]) -> None:
    """The table, and how to get it again."""
    for name, value in flat(report):
        print(f"{name:>36}  {value}")


def flat(report: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The lines of the table."""
    for name, value in report.items():
        if name == "milliseconds":
            yield from ((f"{kind}, ms", one) for kind, one in value.items())
        else:
            yield name, value


if __name__ == "__main__":
    main()
