"""Everything at once, for a long time: programs that ask, people who decide, files, versions. What fails, what grows?

Starts the real processes and lets, each on a connection of their own and without the client's second tries:

- programs predict one text after another, and now and then say what was right;
- people lease questions and decide them;
- somebody import a file, and look through the list;
- a version be trained and promoted every minute, by hand, and taken back every fifth time.

Counts requests by kind and what was answered; notes the memory of each process every five seconds. What is refused by
design (a lease that somebody else has by now, a version that is no better) is counted apart; all else is a fault.

    python -m benchmarks.mixed --minutes 30 --json mixed.json
    python -m benchmarks.mixed --quick                          # three minutes
"""

import argparse
import csv
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._stack import Stack, about, settle
from benchmarks.scale import Topics
from winnow import ApiError, Client, WinnowError

MINUTES, QUICK_MINUTES = 30.0, 3.0
PROGRAMS, PEOPLE = 2, 2
FILE_ROWS, PAUSE = 300, 30.0
CATEGORIES = 12
EVERY = 5.0
RESTS = 120.0
"""In so many seconds there is a moment at least in which a process has no large work in hand."""
BY_DESIGN = {"lease-lost", "already-decided", "too-little-to-learn", "no-version", "conflict", "not-undoable"}
_BACK_EVERY = 5


@dataclass
class Tally:
    """What was asked and answered.

    Attributes:
        refused: by kind and code, of what is refused by design.
        faults: everything else that was not answered well, by kind and code.
        examples: the first of each kind of fault, in words.
    """

    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, kind: str, act: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """Do it, and note what came of it. None where it was refused or failed."""
        told, code, words = None, "", ""
        try:
            told = act(*given, **named)
        except ApiError as error:
            code, words = f"{error.status} {error.code}", str(error)
        except WinnowError as error:
            code, words = type(error).__name__, str(error)
        with self.lock:
            self.asked[kind] += 1
            if code.partition(" ")[2] in BY_DESIGN:
                self.refused[f"{kind}: {code}"] += 1
            elif code:
                self.faults[f"{kind}: {code}"] += 1
                self.examples.setdefault(f"{kind}: {code}", words)
        return told


@dataclass
class Scene:
    """The project, and when it is over."""

    stack: Stack
    slug: str
    tally: Tally
    folder: Path
    over: threading.Event

    def client(self) -> Client:
        """A client that does nothing twice."""
        return Client(f"http://127.0.0.1:{self.stack.api_port}", api_key=self.stack.key(), retries=0)


def words(seed: int) -> Topics:
    """The same topics for all, and chances of one's own."""
    topics = Topics(0)
    topics.rng = random.Random(seed)
    return topics


def program(scene: Scene, number: int) -> None:
    """Ask, and tell what was right once in twenty times."""
    topics, client = words(100 + number), scene.client()
    while not scene.over.wait(0.05):
        topic = topics.rng.randrange(CATEGORIES)
        text = topics.text(topic)
        told = scene.tally.ask("predict", client.predict, scene.slug, [text])
        if told is not None and topics.rng.random() < 0.05:
            right = {"prediction_id": told.predictions[0].prediction_id, "category": topics.names[topic]}
            scene.tally.ask("feedback", client.feedback, scene.slug, **right)


def person(scene: Scene, number: int) -> None:
    """Lease five questions and answer them: as the machine, or by the words of a topic where it said nothing."""
    topics, client = words(200 + number), scene.client()
    while not scene.over.wait(0.2):
        for task in scene.tally.ask("lease", client.lease, scene.slug, 5) or ():
            names = topics.names[:CATEGORIES]
            right = next((name for name in names if name.split()[0].lower() in (task.item.text or "")), names[0])
            answer = {"task_id": task.task_id, "action": "correct", "categories": [right]}
            scene.tally.ask("decide", client.decide, scene.slug, **answer)
            if scene.over.wait(0.3):
                return


def importer(scene: Scene, _: int) -> None:
    """Bring a file of rows that nobody has seen, wait until it is in, and look through the list."""
    topics, client, number = words(300), scene.client(), 0
    while not scene.over.wait(PAUSE if number else 1.0):
        number += 1
        path = scene.folder / f"rows-{number}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file)
            out.writerow(["id", "text"])
            for row in range(FILE_ROWS):
                out.writerow([f"{number}-{row}", f"{topics.text(topics.rng.randrange(CATEGORIES))} {number} {row}"])
        told = scene.tally.ask("import", client.import_file, scene.slug, path)
        if told is not None:
            scene.tally.ask("wait for import", client.wait, told.job_id, timeout=600)
        scene.tally.ask("list", client.items_page, scene.slug, sort="confidence", limit=100)
        path.unlink()


def trainer(scene: Scene, _: int) -> None:
    """Every minute a version, which serves at once; every fifth time the one before serves again."""
    client, number = scene.client(), 0
    while not scene.over.wait(60.0 if number else 5.0):
        number += 1
        job = scene.tally.ask("train", client.train, scene.slug)
        if job is not None:
            scene.tally.ask("wait for train", client.wait, job.id, timeout=600)
        versions = scene.tally.ask("versions", client.versions, scene.slug) or ()
        newest = next((one for one in versions if one.status in {"candidate", "serving"}), None)
        if newest is not None and newest.status == "candidate":
            scene.tally.ask("promote", client.promote, scene.slug, newest.version)
        if number % _BACK_EVERY == 0:
            scene.tally.ask("roll back", client.rollback, scene.slug)


def watched(stack: Stack, over: threading.Event) -> dict[str, list[tuple[float, float]]]:
    """MiB of each process without the files it has mapped, every five seconds until it is over."""
    told: dict[str, list[tuple[float, float]]] = {"api": [], "worker": []}
    began = time.monotonic()
    while not over.wait(EVERY):
        for name, points in told.items():
            points.append((time.monotonic() - began, stack.own_mib(name)))
    return told


def memory(points: list[tuple[float, float]]) -> dict[str, float]:
    """How it began, went and ended, and how steep it was over the last two thirds: by then all is loaded.

    At any moment, and at rest: the least of each two minutes, for what a training uses comes and goes.
    """
    rest = at_rest(points)
    sizes = [size for _, size in points]
    return {
        "first_mib": round(sizes[0], 1),
        "after_a_third_mib": round(sizes[len(sizes) // 3], 1),
        "last_mib": round(sizes[-1], 1),
        "peak_mib": round(max(sizes), 1),
        "mib_an_hour": slope(points),
        "at_rest_first_mib": round(rest[0][1], 1),
        "at_rest_after_a_third_mib": round(rest[len(rest) // 3][1], 1),
        "at_rest_after_two_thirds_mib": round(rest[2 * len(rest) // 3][1], 1),
        "at_rest_last_mib": round(rest[-1][1], 1),
        "at_rest_mib_an_hour": slope(rest),
    }


def at_rest(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The least of each two minutes, whole ones where there are any."""
    parts = max(1, int(points[-1][0] // RESTS))
    return [
        min(part, key=lambda one: one[1])
        for at in range(parts)
        if (part := points[len(points) * at // parts : len(points) * (at + 1) // parts])
    ]


def slope(points: list[tuple[float, float]]) -> float:
    """MiB an hour over the last two thirds."""
    late = np.asarray(points[len(points) // 3 :])
    return round(float(np.polyfit(late[:, 0], late[:, 1], 1)[0]) * 3600, 1) if len(late) > 1 else 0.0


def measure(stack: Stack, folder: Path, minutes: float) -> dict[str, Any]:
    """Let all of them work for so many minutes."""
    topics, over = words(0), threading.Event()
    with stack.client() as client:
        quiet = {"retrain_every": 1_000_000, "audit_rate": 0.1}
        slug = client.create_project("Mixed", categories=topics.names[:CATEGORIES], settings=quiet).slug
        known = [
            {"text": f"{topics.text(row % CATEGORIES)} {row}", "category": topics.names[row % CATEGORIES]}
            for row in range(240)
        ]
        client.add_items(slug, known)
        client.add_items(slug, [f"{topics.text(topics.rng.randrange(CATEGORIES))} {row} new" for row in range(260)])
        settle(client, slug)
    scene = Scene(stack, slug, Tally(), folder, over)
    parts = [(program, PROGRAMS), (person, PEOPLE), (importer, 1), (trainer, 1)]
    crowd = [
        threading.Thread(target=part, args=(scene, number), daemon=True)
        for part, many in parts
        for number in range(many)
    ]
    for one in crowd:
        one.start()
    threading.Timer(minutes * 60, over.set).start()
    sizes = watched(stack, over)
    for one in crowd:
        one.join(600)
    tally = scene.tally
    with stack.client() as client:
        versions = [one.status for one in client.versions(slug)]
    return {
        "minutes": minutes,
        "requests": dict(tally.asked.most_common()),
        "requests_in_all": sum(tally.asked.values()),
        "refused_by_design": dict(tally.refused),
        "faults": sum(tally.faults.values()),
        "faults_by_kind": dict(tally.faults),
        "examples": tally.examples,
        "versions": dict(Counter(versions)),
        "memory": {name: memory(points) for name, points in sizes.items()},
    }


def main() -> int:
    """Measure, print, and say by the exit status whether anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MINUTES:g} minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    parser.add_argument("--stand-in", action="store_true", help="with an encoder that costs next to nothing")
    chosen = parser.parse_args()
    found: dict[str, Any] = about(0)
    with tempfile.TemporaryDirectory(prefix="winnow-mixed-") as name:
        folder = Path(name)
        with Stack(folder, chosen.encoders, through="benchmarks._stand_in" if chosen.stand_in else "") as stack:
            found |= measure(stack, folder, QUICK_MINUTES if chosen.quick else chosen.minutes)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
