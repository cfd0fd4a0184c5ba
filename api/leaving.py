"""How a process leaves: it says so first, and stops only when nobody sends it requests any more."""

import signal
import threading
import time
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """uvicorn, which on the first SIGTERM goes on serving for a while, as one that is leaving.

    Meanwhile `/readyz` says no and each answer closes its connection, so proxies and clients that keep connections
    open go elsewhere by themselves; a connection that is closed in their back may swallow a request. Then it listens no
    longer, and answers what it has begun. A second signal ends the while, and SIGINT knows none.

    Args:
        config: uvicorn's.
        leaving: set from the first SIGTERM on.
        seconds: how long the while is.
    """

    def __init__(self, config: uvicorn.Config, leaving: threading.Event, seconds: float) -> None:
        super().__init__(config)
        self._leaving, self._seconds = leaving, seconds
        self._until: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; or stop, where that has begun or there is no while."""
        if sig != signal.SIGTERM or self._leaving.is_set() or not self._seconds:
            super().handle_exit(sig, frame)
            return
        self._until = time.monotonic() + self._seconds
        self._leaving.set()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second. Returns whether to stop."""
        if self._until is not None and time.monotonic() >= self._until:
            self._until = None
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)
