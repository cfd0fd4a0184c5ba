"""Requests that hold almost all connections to the database which the API has."""

import threading
from contextlib import suppress

import httpx2
from sqlalchemy import Connection, text

from benchmarks._scene import TRAFFIC, Scene
from models.store.tables import MemberRow

BESIEGERS = 19
"""Of twenty connections: all else has to do with one."""
_APART = 0.4
"""Seconds from one to the next, so that they do not all give up in the same moment and leave a gap."""


class Siege:
    """Locks a table that neither monitoring nor any other traffic reads, and has many ask for what stands in it.

    A request that has waited for as long as a statement may take is refused, and asked again.
    """

    def __init__(self) -> None:
        self._lock: Connection | None = None
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, scene: Scene) -> None:
        """Lock, and have them ask."""
        self._over.clear()
        self._lock = scene.database.engine.connect()
        self._lock.execute(text(f"LOCK TABLE {MemberRow.__tablename__} IN ACCESS EXCLUSIVE MODE"))
        url = f"{scene.client.base_url}/v1/projects/{TRAFFIC}/members"
        for _ in range(BESIEGERS):
            thread = threading.Thread(target=self._ask, args=(url, scene.stack.key()), daemon=True)
            thread.start()
            self._threads.append(thread)
            self._over.wait(_APART)

    def end(self, _: Scene) -> None:
        """Let go of the table; who waits is answered."""
        self._over.set()
        if self._lock is not None:
            self._lock.close()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _ask(self, url: str, key: str) -> None:
        with httpx2.Client(trust_env=False, timeout=60, headers={"X-API-Key": key}) as http:
            while not self._over.is_set():
                with suppress(httpx2.TransportError):
                    http.get(url)
