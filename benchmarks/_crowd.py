"""People who review and files that come in, whatever happens to the system meanwhile; and what is there in the end."""

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import select

from benchmarks._ledger import Ledger, look
from benchmarks._stack import settle
from benchmarks.scale import generate
from models.settings import Settings
from models.store.session import Database
from models.store.tables import JobRow
from winnow import ApiError, Client, ConnectionFailed, WinnowError

PATIENCE = 120.0
PEOPLE, AT_ONCE = 4, 4
ROWS = 6_000
LEASE_SECONDS = 30
HURRIED = {"WINNOW_JOB_LEASE_SECONDS": "4", "WINNOW_LEASE_SECONDS": str(LEASE_SECONDS)}
"""Settings with which nobody waits long for what was in the hands of one who is gone."""

T = TypeVar("T")


class Reviewer(threading.Thread):
    """One who reviews until told to stop, whatever happens to the API."""

    def __init__(self, number: int, client: Client, slug: str, ledger: Ledger, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self._number, self._client, self._slug = number, client, slug
        self._ledger, self._over = ledger, over
        self.turn = threading.Lock()

    def run(self) -> None:
        """Lease, decide, lease."""
        while not self._over.is_set():
            with self.turn:
                took = self._take()
            time.sleep(0.05 if took else 0.2)

    def _take(self) -> bool:
        sent = time.monotonic()
        try:
            tasks = self._client.lease(self._slug, AT_ONCE)
        except WinnowError:
            return False
        for task in tasks:
            self._note(task.task_id, sent)
        for task in tasks:
            category = task.prediction.category if task.prediction else None
            self._decide(task.task_id, "accept" if category else "skip")
        return True

    def _note(self, task_id: str, sent: float) -> None:
        with self._ledger.lock:
            now = time.monotonic()
            who, answered, until = self._ledger.held.get(task_id, (self._number, 0.0, now))
            if who != self._number and answered < sent and until > now:
                self._ledger.twice.append(task_id)
            self._ledger.held[task_id] = (self._number, now, sent + LEASE_SECONDS)

    def _decide(self, task_id: str, action: Literal["accept", "skip"]) -> None:
        with self._ledger.lock:
            self._ledger.held.pop(task_id, None)
        key, until = uuid.uuid4().hex, time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                decision = self._client.decide(self._slug, task_id=task_id, action=action, idempotency_key=key)
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


class Crowd:
    """A project, reviewers who do not rest, and files of some thousand rows each.

    Args:
        client: with all rights.
        folder: where files are made.
        rows: of each file.
        people: how many reviewers.
    """

    def __init__(self, client: Client, folder: Path, *, rows: int = ROWS, people: int = PEOPLE) -> None:
        self.client, self._folder, self._rows = client, folder, rows
        self.files = 0
        topics = generate(self._file(), rows, self.files)
        settings = {"retrain_every": 40, "audit_rate": 0.1}
        self.slug = client.create_project("Faults", categories=topics.names[:20], settings=settings).slug
        self.client.wait(self.send())
        settle(client, self.slug)
        self.ledger, self._over = Ledger(), threading.Event()
        self._people = [
            Reviewer(number, self._login(number), self.slug, self.ledger, self._over) for number in range(people)
        ]

    def begin(self) -> None:
        """Review from now on."""
        for person in self._people:
            person.start()

    def send(self) -> str:
        """Send the next file, again and again until it is taken. Returns the id of its job."""
        file = self._file()
        if self.files:
            generate(file, self._rows, self.files)
        self.files += 1
        return again(lambda: self.client.import_file(self.slug, file, text_fields=["text"])).job_id

    @contextmanager
    def resting(self) -> Iterator[None]:
        """A while in which nobody holds a question."""
        with ExitStack() as turns:
            for person in self._people:
                turns.enter_context(person.turn)
            yield

    def decided(self) -> int:
        """How many decisions were acknowledged so far."""
        return len(self.ledger.acknowledged)

    def until(self, decisions: int) -> None:
        """Wait until so many decisions more were acknowledged."""
        wanted, deadline = self.decided() + decisions, time.monotonic() + PATIENCE
        while self.decided() < wanted:
            if time.monotonic() > deadline:
                sys.exit(f"{self.decided()} decisions were acknowledged within {PATIENCE:g} s, not {wanted}")
            time.sleep(0.05)

    def end(self) -> float:
        """Let people go home, and wait until no work is left. Returns the seconds that this took."""
        self._over.set()
        for person in self._people:
            person.join(PATIENCE)
        began = time.monotonic()
        try:
            again(lambda: settle(self.client, self.slug, PATIENCE))
        except SystemExit as error:  # what is left is told with the rest
            self.ledger.faults.append(str(error))
        return time.monotonic() - began

    def look(self, database_url: str, data: Path) -> tuple[dict[str, int], list[str]]:
        """What the database has, and what of it should not be so."""
        database = Database(Settings(data_dir=data, database_url=database_url).database)
        try:
            _until_idle(database)
            found, faults = look(database, self.slug, self.ledger, self.files, self._rows)
        finally:
            database.close()
        if not becomes_ready(self.client):
            faults.append("the system is not ready")
        return found, faults

    def _file(self) -> Path:
        return self._folder / f"{self.files}.csv"

    def _login(self, number: int) -> Client:
        key = self.client.create_api_key(f"person {number}", role="reviewer").secret
        return Client(self.client.base_url, api_key=key)


def _until_idle(database: Database) -> None:
    """Wait for regular work too, which belongs to no project and may be under way at any moment."""
    until = time.monotonic() + PATIENCE
    under_way = select(JobRow.id).where(JobRow.finished_at.is_(None)).limit(1)
    while time.monotonic() < until:
        with database.read() as session:
            if session.scalar(under_way) is None:
                return
        time.sleep(0.2)


def again(act: Callable[[], T]) -> T:
    """Do something until it is done, however often the API goes away meanwhile."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except WinnowError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def becomes_ready(client: Client, patience: float = PATIENCE) -> bool:
    """Whether all is well in the end: what went away is back only when it was noticed, some seconds later."""
    until = time.monotonic() + patience
    while not again(client.ready).ready:
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
