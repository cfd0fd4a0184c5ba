"""What several people get done at once who never pause, and one of them alone: labels a second over the HTTP API.

SQLite, one API process, one worker; vectors are made by a stand-in. One person and all of them have their turns, each
leasing one question and deciding it, again and again. Beside the labels: what one of them cost the API's process, which
other work on the machine changes less.

    python -m benchmarks.together --json together.json
"""

import argparse
import json
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._peer_measures import crowd
from benchmarks._peer_rows import made
from benchmarks._peer_winnow import NEVER, UNLIMITED, Winnow
from benchmarks._stack import Stack, about, processor_seconds

PEOPLE = 8
ROWS, QUICK_ROWS = 10_000, 2_000
TURNS, QUICK_TURNS = 4, 2
SECONDS, QUICK_SECONDS = 10.0, 6.0


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows instead of {ROWS:,}, fewer turns")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    turns, seconds = (QUICK_TURNS, QUICK_SECONDS) if options.quick else (TURNS, SECONDS)
    rows = made(QUICK_ROWS if options.quick else ROWS, options.seed)
    report: dict[str, Any] = about(options.seed) | {"rows": len(rows.texts), "people": options.people}
    with (
        tempfile.TemporaryDirectory(prefix="winnow-together-") as name,
        Stack(Path(name), Path("none"), settings=UNLIMITED, through="benchmarks._stand_in") as stack,
        closing(Winnow(stack, NEVER)) as winnow,
    ):
        file = Path(name) / "rows.csv"
        winnow.write(rows, file, labelled=False)
        project = winnow.create("Together", rows)
        winnow.bring_in(project, file)
        winnow.settle(project)
        people = winnow.people(project, options.people)
        crowd(people, rows, 1)  # connections are opened and caches filled
        labels: dict[str, list[float]] = {"one": [], "all": []}
        cost: dict[str, list[float]] = {"one": [], "all": []}
        for _ in range(turns):
            for who, crew in (("one", people[:1]), ("all", people)):
                before = processor_seconds(stack.pid("api"))
                found = crowd(crew, rows, seconds)
                spent = processor_seconds(stack.pid("api")) - before
                labels[who].append(found["labels_per_second"])
                cost[who].append(round(1000 * spent / max(found["labels"], 1), 1))
    report |= {
        "labels_per_second_each_turn": labels,
        "api_processor_ms_for_a_label_each_turn": cost,
        "all_over_one": round(statistics.median(labels["all"]) / statistics.median(labels["one"]), 2),
    }
    for key, value in report.items():
        print(f"{key:>38}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
