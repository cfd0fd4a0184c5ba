"""How much more a second worker does: `winnow categorize` with one actor and with two, by turns.

Each actor has one thread and one processor. What is measured begins when a third of the parts is written, so that Ray's
start, the loading of the encoder and the second actor's later start are not in it, and ends with the last part. Beside
rows for each second on the clock there are rows for each second that Ray and the actors used of the processor: where
other work has the second processor, two actors cannot be twice as quick, but each row may still cost no more.

    python -m benchmarks.ray_data --json ray_data.json
    python -m benchmarks.ray_data --quick
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks._peer_cost import processor_seconds
from benchmarks._stack import about
from benchmarks.importing import generate
from models.settings import Settings
from models.steps.accounts import SYSTEM
from models.steps.projects import NewCategory, create_project
from models.store.session import Database

PARTS = 45
PART_ROWS, QUICK_PART_ROWS = 400, 100
TURNS, QUICK_TURNS = 3, 1
WORKERS = (1, 2)
SKIPPED = PARTS // 3
CATEGORIES = ("Cards", "Transfers", "Accounts", "Fees", "Refunds")
_TOLD = re.compile(r"^\S+: ([\d,]+) rows answered")
_RAY = {"RAY_worker_register_timeout_seconds": "300", "RAY_memory_monitor_refresh_ms": "0"}
"""Ray waits for its own parts however busy the machine is, and ends none because others need the memory."""


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part-rows", type=int, help=f"rows of each of the {PARTS} parts; {PART_ROWS} if left out")
    parser.add_argument("--turns", type=int, help=f"how often each number of actors has its turn; {TURNS} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"parts of {QUICK_PART_ROWS} rows, one turn each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    options = parser.parse_args()
    part_rows = options.part_rows or (QUICK_PART_ROWS if options.quick else PART_ROWS)
    report: dict[str, Any] = about(options.seed) | {"rows": PARTS * part_rows, "parts": PARTS}
    found: dict[int, list[dict[str, float]]] = {workers: [] for workers in WORKERS}
    with tempfile.TemporaryDirectory(prefix="winnow-ray-") as name:
        folder = Path(name)
        generate(folder / "rows.csv", PARTS * part_rows, options.seed)
        environment = prepared(folder / "data", options.encoders)
        for turn in range(options.turns or (QUICK_TURNS if options.quick else TURNS)):
            for workers in WORKERS:
                out = folder / f"{turn}-{workers}"
                found[workers].append(categorised(folder / "rows.csv", out, workers, part_rows, environment))
                print(f"{workers}: {found[workers][-1]}", file=sys.stderr, flush=True)
    report["turns"] = {f"{workers} actors": each for workers, each in found.items()}
    one, two = (statistics.median(each["rows_per_second"] for each in found[workers]) for workers in WORKERS)
    report["two_over_one"] = round(two / one, 2)
    one, two = (statistics.median(each["rows_per_processor_second"] for each in found[workers]) for workers in WORKERS)
    report["two_over_one_for_a_second_of_the_processor"] = round(two / one, 2)
    for key, value in report.items():
        print(f"{key:>43}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def prepared(data: Path, encoders: Path) -> dict[str, str]:
    """A data folder with a project whose categories' names answer. Returns the variables with which it is found."""
    if encoders.is_dir():
        shutil.copytree(encoders, data / "encoders")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    environment |= {"WINNOW_DATA_DIR": str(data), **_RAY}
    subprocess.run([sys.executable, "-m", "models.prepare"], env=environment, check=True, stdout=subprocess.DEVNULL)
    database = Database(Settings(data_dir=data, database_url="").database)
    with database.transaction() as session:
        create_project(session, SYSTEM, name="Rows", categories=[NewCategory(name) for name in CATEGORIES])
    database.close()
    return environment


def categorised(
    file: Path, out: Path, workers: int, part_rows: int, environment: Mapping[str, str]
) -> dict[str, float]:
    """Rows for each second once all is under way.

    Raises:
        RuntimeError: the command failed, or did not answer every row.
    """
    given = [str(file), str(out), "--version", "0", "--workers", str(workers), "--part-rows", str(part_rows)]
    command = [sys.executable, "-m", "worker.categorize", *given]
    load = os.getloadavg()[0]
    began = time.perf_counter()
    seen: list[tuple[float, int]] = []
    other: list[str] = []
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ray:
        assert ray.stderr is not None
        for line in ray.stderr:
            told = _TOLD.match(line)
            if told is None:
                other.append(line)
                continue
            seen.append((time.perf_counter(), int(told[1].replace(",", ""))))
            if len(seen) == SKIPPED:
                before = processor_seconds([ray.pid])
            elif len(seen) == PARTS:
                spent = processor_seconds([ray.pid]) - before
    if ray.returncode or len(seen) != PARTS or seen[-1][1] != PARTS * part_rows:
        raise RuntimeError(f"{len(seen)} of {PARTS} parts were answered:\n{''.join(other[-20:])}")
    (start, first), (end, last) = seen[SKIPPED - 1], seen[-1]
    return {
        "rows_per_second": round((last - first) / (end - start), 1),
        "rows_per_processor_second": round((last - first) / spent, 1),
        "seconds_before": round(start - began, 1),
        "load_before": round(load, 2),
    }


if __name__ == "__main__":
    main()
