"""Processes killed at random moments, again and again, while people review and files come in: what is lost or doubled.

Four reviewers lease and decide through the HTTP API, versions are trained and promoted as decisions come, files are
imported and embedded (by a stand-in that makes vectors for next to nothing), and meanwhile the API or the worker is
ended by SIGKILL and started anew. Among the kills come the troubles that are chosen: Redis is emptied, restarted, and
gone for a minute, and PostgreSQL is restarted as after a crash; with `--troubles all` the network is slow, silent and
broken too, the disk full, the clock set, and in the end PostgreSQL fails over to its standby. What a reviewer got no
answer to is sent again with the same key. In the end nobody lends a hand: the work left is waited for, and what is in
the database is held against what was acknowledged.

    python -m benchmarks.faults --kills 200 --json faults.json
    python -m benchmarks.faults --kills 40 --troubles all     # as root
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._adversities import TROUBLES, Scene, set_up
from benchmarks._crowd import HURRIED, Crowd, again
from benchmarks._stack import about
from winnow import Client

KILLS, QUICK_KILLS = 60, 12
FILES = 3
PAUSE = (0.2, 2.5)
API_SHARE = 0.3
GONE, QUICK_GONE = 60.0, 5.0
USUAL = {"redis-emptied", "redis-restarted", "redis-gone"}
PATIENT = {**HURRIED, "WINNOW_JOB_ATTEMPTS": "100"}  # as many kills may meet one job


def main() -> None:
    """Kill, look, print, and write; ends with code 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, help=f"{KILLS} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database; SQLite if left out")
    parser.add_argument("--troubles", default="", help=f"all, or some of {', '.join(TROUBLES)}, with commas between")
    options = parser.parse_args()
    kills = options.kills or (QUICK_KILLS if options.quick else KILLS)
    postgresql = bool(options.database) or "failover" in options.troubles or options.troubles == "all"
    names = [name for name in TROUBLES if name in chosen(options.troubles, postgresql=postgresql)]
    report: dict[str, Any] = about(options.seed) | {"database": "PostgreSQL" if postgresql else "SQLite"}
    with tempfile.TemporaryDirectory(prefix="winnow-faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with set_up(folder, names, options.database, PATIENT) as scene, scene.stack.client() as client:
            scene.seconds = QUICK_GONE if options.quick else GONE
            report |= suffer(scene, client, folder, kills, names, random.Random(options.seed))
    for name, value in report.items():
        print(f"{name:>28}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if report["faults"] else 0)


def chosen(given: str, *, postgresql: bool) -> set[str]:
    """The names of the troubles that somebody wants.

    Raises:
        SystemExit: there is no such trouble, or it needs PostgreSQL.
    """
    if given == "all":
        return set(TROUBLES)
    names = set(given.split(",")) if given else USUAL | ({"postgresql"} if postgresql else set())
    if names - set(TROUBLES):
        sys.exit(f"--troubles: {', '.join(sorted(names - set(TROUBLES)))}: there are {', '.join(TROUBLES)}")
    if "postgresql" in names and not postgresql:
        sys.exit("--troubles: postgresql needs --database, or failover beside it")
    return names


def suffer(
    scene: Scene, client: Client, folder: Path, kills: int, names: Sequence[str], rng: random.Random
) -> dict[str, Any]:
    """Everything at once, and the kills."""
    stack = scene.stack
    at: dict[int, list[str]] = {}
    for place, name in enumerate(names):
        at.setdefault((place + 1) * kills // (len(names) + 1), []).append(name)
    crowd = scene.crowd = Crowd(client, folder)
    crowd.begin()
    done = {"api": 0, "worker": 0}
    began = time.monotonic()
    for kill in range(kills):
        if crowd.files < FILES and kill >= crowd.files * kills // FILES:
            crowd.send()
        for name in at.get(kill, ()):
            TROUBLES[name][1](scene)
        time.sleep(rng.uniform(*PAUSE))
        name = "api" if rng.random() < API_SHARE else "worker"
        stack.kill(name)
        done[name] += 1
        if name == "api":  # one that is killed before it listens could be killed for ever
            again(client.health)
    suffered = time.monotonic() - began
    healed = crowd.end()
    found, faults = crowd.look(stack.variables["WINNOW_DATABASE_URL"], stack.data)
    return {
        "kills": sum(done.values()),
        "killed": done,
        "besides": [TROUBLES[name][0] for name in names],
        "away_for_seconds": scene.seconds,
        "seconds": round(suffered),
        "decisions_acknowledged": crowd.decided(),
        "decisions_refused": crowd.ledger.refused,
        **found,
        "seconds_to_the_end_of_work": round(healed, 1),
        "faults": faults,
    }


if __name__ == "__main__":
    main()
