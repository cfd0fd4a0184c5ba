"""Processes killed at random moments, again and again, while people review and files come in: what is lost or doubled.

Four reviewers lease and decide through the HTTP API, versions are trained and promoted as decisions come, files are
imported and embedded (by a stand-in that makes vectors for next to nothing), and meanwhile the API or the worker is
ended by SIGKILL and started anew. Among the kills Redis is emptied, restarted, and gone for a minute, and PostgreSQL is
restarted as after a crash. What a reviewer got no answer to is sent again with the same key. In the end nobody lends a
hand: the work left is waited for, and what is in the database is held against what was acknowledged.

    python -m benchmarks.faults --kills 200 --json faults.json
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._ledger import Ledger, look
from benchmarks._stack import Stack, about, settle
from benchmarks.scale import generate
from models.settings import Settings
from models.store.session import Database
from winnow import ApiError, Client, ConnectionFailed, WinnowError

KILLS, QUICK_KILLS = 60, 12
PEOPLE, AT_ONCE = 4, 4
FILES, ROWS = 3, 6_000
PAUSE = (0.2, 2.5)
API_SHARE = 0.3
PATIENCE = 120.0
GONE, QUICK_GONE = 60.0, 5.0
QUIET = {"WINNOW_JOB_LEASE_SECONDS": "4", "WINNOW_LEASE_SECONDS": "30", "WINNOW_JOB_ATTEMPTS": "100"}


class Reviewer(threading.Thread):
    """One who reviews until told to stop, whatever happens to the API."""

    def __init__(self, number: int, client: Client, slug: str, ledger: Ledger, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self._number, self._client, self._slug = number, client, slug
        self._ledger, self._over = ledger, over

    def run(self) -> None:
        """Lease, decide, lease."""
        while not self._over.is_set():
            sent = time.monotonic()
            try:
                tasks = self._client.lease(self._slug, AT_ONCE)
            except WinnowError:
                time.sleep(0.2)
                continue
            for task in tasks:
                self._note(task.task_id, sent, task.expires_at)
            for task in tasks:
                category = task.prediction.category if task.prediction else None
                self._decide(task.task_id, {"action": "accept"} if category else {"action": "skip"})
            time.sleep(0.05)

    def _note(self, task_id: str, sent: float, expires_at: datetime) -> None:
        with self._ledger.lock:
            who, answered, until = self._ledger.held.get(task_id, (self._number, 0.0, datetime.now(UTC)))
            if who != self._number and answered < sent and until > datetime.now(UTC):
                self._ledger.twice.append(task_id)
            self._ledger.held[task_id] = (self._number, time.monotonic(), expires_at)

    def _decide(self, task_id: str, said: dict[str, str]) -> None:
        with self._ledger.lock:
            self._ledger.held.pop(task_id, None)
        key, until = uuid.uuid4().hex, time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                decision = self._client.decide(self._slug, task_id=task_id, idempotency_key=key, **said)
            except ConnectionFailed:
                time.sleep(0.2)
            except ApiError as error:
                if error.status >= 500:
                    time.sleep(0.2)
                    continue
                with self._ledger.lock:
                    self._ledger.refused += 1
                return
            else:
                with self._ledger.lock:
                    self._ledger.acknowledged.append(int(decision.id))
                return
        with self._ledger.lock:
            self._ledger.faults.append(f"task {task_id}: no answer within {PATIENCE:g} s")


def main() -> None:
    """Kill, look, print, and write; ends with code 1 where something was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, help=f"{KILLS} if left out")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_KILLS} kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database; SQLite if left out")
    options = parser.parse_args()
    kills = options.kills or (QUICK_KILLS if options.quick else KILLS)
    report: dict[str, Any] = about(options.seed) | {"database": "PostgreSQL" if options.database else "SQLite"}
    with tempfile.TemporaryDirectory(prefix="winnow-faults-") as name:
        folder = Path(name)
        stack = Stack(folder, folder / "none", options.database, settings=QUIET, through="benchmarks._stand_in")
        with stack, stack.client() as client:
            gone = QUICK_GONE if options.quick else GONE
            report |= suffer(stack, client, folder, kills, gone, random.Random(options.seed))
    for name, value in report.items():
        print(f"{name:>28}  {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(1 if report["faults"] else 0)


def suffer(stack: Stack, client: Client, folder: Path, kills: int, gone: float, rng: random.Random) -> dict[str, Any]:
    """Everything at once, and the kills."""
    troubles = [
        ("Redis emptied", stack.empty_redis),
        ("Redis restarted", lambda: stack.without_redis(0.0)),
        (f"Redis gone for {gone:g} s", lambda: stack.without_redis(gone)),
        *([("PostgreSQL restarted", stack.restart_database)] if stack.variables["WINNOW_DATABASE_URL"] else []),
    ]
    at = {(place + 1) * kills // (len(troubles) + 1): trouble for place, trouble in enumerate(troubles)}
    topics = generate(folder / "0.csv", ROWS, 0)
    settings = {"retrain_every": 40, "audit_rate": 0.1}
    slug = client.create_project("Faults", categories=topics.names[:20], settings=settings).slug
    client.wait(client.import_file(slug, folder / "0.csv", text_fields=["text"], id_field="id").job_id)
    settle(client, slug)
    ledger, over = Ledger(), threading.Event()
    people = []
    for number in range(PEOPLE):
        key = client.create_api_key(f"person {number}", role="reviewer").secret
        own = Client(f"http://127.0.0.1:{stack.api_port}", api_key=key)
        people.append(Reviewer(number, own, slug, ledger, over))
    for person in people:
        person.start()
    sent, done = 1, {"api": 0, "worker": 0}
    began = time.monotonic()
    for kill in range(kills):
        if sent < FILES and kill >= sent * kills // FILES:
            generate(folder / f"{sent}.csv", ROWS, sent)
            again(lambda file=folder / f"{sent}.csv": client.import_file(slug, file, text_fields=["text"]))
            sent += 1
        if kill in at:
            at[kill][1]()
        time.sleep(rng.uniform(*PAUSE))
        name = "api" if rng.random() < API_SHARE else "worker"
        stack.kill(name)
        done[name] += 1
        if name == "api":  # one that is killed before it listens could be killed for ever
            again(client.health)
    suffered = time.monotonic() - began
    over.set()
    for person in people:
        person.join(PATIENCE)
    began = time.monotonic()
    try:
        again(lambda: settle(client, slug, PATIENCE))
    except SystemExit as error:  # what is left is told with the rest
        ledger.faults.append(str(error))
    healed = time.monotonic() - began
    database = Database(Settings(data_dir=stack.data, database_url=stack.variables["WINNOW_DATABASE_URL"]).database)
    found, faults = look(database, slug, ledger, sent, ROWS)
    database.close()
    if not client.ready().ready:
        faults.append("the system is not ready")
    return {
        "kills": sum(done.values()),
        "killed": done,
        "besides": [name for name, _ in troubles],
        "seconds": round(suffered),
        "decisions_acknowledged": len(ledger.acknowledged),
        "decisions_refused": ledger.refused,
        **found,
        "seconds_to_the_end_of_work": round(healed, 1),
        "faults": faults,
    }


def again(act: Any) -> Any:
    """Do something until it is done, however often the API goes away meanwhile."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except WinnowError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
