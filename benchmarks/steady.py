"""One worker trains again and again on the same decisions: what stays of a training once it is over?

What it holds does not change, so its memory must not either. With an encoder that costs next to nothing.

    python -m benchmarks.steady --json steady.json
    python -m benchmarks.steady --quick                         # ten trainings
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._stack import Stack, about, settle
from benchmarks.scale import Topics

CATEGORIES, ITEMS, DECIDED = 12, 6_000, 3_000
BLOCK = 500
TRAININGS, QUICK_TRAININGS = 60, 10
LOOKS, PAUSE = 10, 0.1


def at_rest(stack: Stack) -> float:
    """The least of some looks at the worker's memory without mapped files, in MiB."""
    found = []
    for _ in range(LOOKS):
        time.sleep(PAUSE)
        found.append(stack.own_mib("worker"))
    return round(min(found), 1)


def measure(stack: Stack, trainings: int) -> dict[str, Any]:
    """Train so many times, and look at the worker after each."""
    topics = Topics(0)
    with stack.client() as client:
        quiet = {"retrain_every": 1_000_000, "audit_rate": 0}
        slug = client.create_project("Steady", categories=topics.names[:CATEGORIES], settings=quiet).slug
        for start in range(0, ITEMS, BLOCK):
            rows = []
            for row in range(start, start + BLOCK):
                text = f"{topics.text(row % CATEGORIES)} {row}"
                label = {"category": topics.names[row % CATEGORIES]} if row < DECIDED else {}
                rows.append({"text": text, **label})
            client.add_items(slug, rows)
        settle(client, slug)
        sizes = []
        for _ in range(trainings):
            client.wait(client.train(slug).id, timeout=600)
            settle(client, slug)
            sizes.append(at_rest(stack))
    places = sorted({0, trainings // 6, trainings // 3, trainings // 2, 2 * trainings // 3, trainings - 1})
    return {
        "trainings": trainings,
        "items": ITEMS,
        "decided": DECIDED,
        "at_rest_mib": {str(place + 1): sizes[place] for place in places},
        "peak_mib": round(stack.memory_mib("worker")[1], 1),
    }


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TRAININGS} trainings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = parser.parse_args()
    found: dict[str, Any] = about(0)
    with (
        tempfile.TemporaryDirectory(prefix="winnow-steady-") as name,
        Stack(Path(name), Path(name) / "none", through="benchmarks._stand_in") as stack,
    ):
        found |= measure(stack, QUICK_TRAININGS if chosen.quick else TRAININGS)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
