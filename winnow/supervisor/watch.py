"""The processes of one run: begun, restarted when they die, and ended together."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from typing import IO, TYPE_CHECKING, Self

from winnow.supervisor import guard
from winnow.supervisor.child import Child, Part
from winnow.supervisor.plan import CannotStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from winnow.supervisor.board import Board
    from winnow.supervisor.plan import Plan

_TURN_SECONDS = 0.1
_ASK_AGAIN_SECONDS = 4.0
_GRACE_SECONDS = 8.0
_DEATHS_AT_START = 3
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopAskedError(Exception):
    """The operator asked the run to stop (SIGTERM, SIGHUP or Ctrl-C)."""


class Run:
    """A context manager that ends every process it began, whatever happens.

    Everything is done on the thread that entered it, in turns: look at each process, show what it said, start
    again what died.

    Args:
        plan: what the operator chose.
        board: where to say things.
        lock: the lock of the data folder, which the guard keeps until nothing is left of the run.
    """

    def __init__(self, plan: Plan, board: Board, lock: IO[str]) -> None:
        self.plan = plan
        self.mark = secrets.token_hex(8)
        self.settled = False
        self._board = board
        self._lock = lock
        self._children: dict[str, Child] = {}
        self._groups: set[int] = set()
        self._stop = threading.Event()
        self._signals = 0
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()

    def begin(self, part: Part) -> Child:
        """Starts a part; from now on it is looked after."""
        child = Child.begin(part, self.plan.logs)
        self._children[part.name] = child
        self._now_lives(child)
        return child

    def forget(self, child: Child) -> None:
        """Looks after a part no longer, because it did what it was there for."""
        self._now_dead(child)
        self._children.pop(child.part.name, None)

    def turn(self) -> None:
        """One look at everything, and a short wait.

        Raises:
            StopAskedError: where the operator asked for the end.
            CannotStartError: where, before the run has settled, a part dies again and again.
        """
        self._watch_guard()
        for child in list(self._children.values()):
            child.show_news(partial(self._board.line, child.part.name))
            if not child.part.once:
                self._revive(child)
        self._stop.wait(_TURN_SECONDS)
        if self._stop.is_set():
            raise StopAskedError

    def until(self, done: Callable[[], bool]) -> None:
        """Takes turns until `done()`; raises like `turn`."""
        while not done():
            self.turn()

    def _revive(self, child: Child) -> None:
        """Plans the next start of a part that died, or starts it when its time has come."""
        now = time.monotonic()
        if child.process is not None and not child.alive:
            code = child.exit_code
            self._now_dead(child)
            pause = child.note_death(now)
            name = child.part.name
            if not self.settled and child.failures >= _DEATHS_AT_START:
                raise CannotStartError(f"{name} does not start. Its log, {child.log}, ends:\n{child.last_words()}")
            self._board.warn(f"{name} ended ({_manner(code)}); starting it again in {pause:g} s. Log: {child.log}")
        elif child.process is None and now >= child.due:
            self._start_again(child, now)

    def _start_again(self, child: Child, now: float) -> None:
        """Starts a part that died. What keeps it from starting may pass, and the others live on meanwhile."""
        name = child.part.name
        try:
            child.spawn()
        except OSError as error:
            if not self.settled:
                raise
            pause = child.note_death(now)
            self._board.warn(f"{name} cannot be started: {error}; trying again in {pause:g} s")
            return
        self._now_lives(child)
        self._board.note(f"{name} started again")

    def _end(self) -> None:
        """Ends the processes: Redis last, since the others still want to write to it."""
        children = list(self._children.values())
        self._end_these(child for child in children if child.part.name != "redis")
        self._end_these(child for child in children if child.part.name == "redis")
        guard.end_run(self.mark, set(), grace=1.0)
        if self._guard is not None and self._guard.stdin is not None:
            for group in self._groups:
                self._tell_guard(group)
            with contextlib.suppress(OSError):
                self._guard.stdin.close()
            self._guard.wait()

    def _end_these(self, children: Iterable[Child]) -> None:
        rest = [child for child in children if child.alive]
        started = time.monotonic()
        asked = 0
        while rest:
            waited = time.monotonic() - started
            late = waited > _GRACE_SECONDS or self._signals > 1  # a second Ctrl-C: at once
            if late or asked == 0 or (asked == 1 and waited > _ASK_AGAIN_SECONDS):
                # The second request tells a worker to leave its job, which another run takes up again.
                for child in rest:
                    child.send(signal.SIGKILL if late else signal.SIGTERM)
                asked += 1
            time.sleep(0.05)
            for child in [child for child in rest if not child.alive]:
                self._now_dead(child)
                rest.remove(child)

    def _asked_to_stop(self, _number: int, _frame: object) -> None:
        self._signals += 1
        self._stop.set()

    def _now_lives(self, child: Child) -> None:
        if child.process is not None:
            self._groups.add(child.process.pid)
            self._tell_guard(child.process.pid)

    def _now_dead(self, child: Child) -> None:
        """Forgets the group of a process that ended, after ending what it left behind in it."""
        if child.process is not None and child.process.pid in self._groups:
            child.send(signal.SIGKILL)
            self._groups.discard(child.process.pid)
            self._tell_guard(child.process.pid)

    def _watch_guard(self) -> None:
        """Starts the guard, and again should it have died."""
        if self._guard is None or self._guard.poll() is not None:
            try:
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", guard.__file__, self.mark],
                    stdin=subprocess.PIPE,
                    pass_fds=[self._lock.fileno()],
                    start_new_session=True,
                )
            except OSError:
                if not self.settled:
                    raise
                return  # the machine has no room for it now: the next turn tries again
            for group in self._groups:
                self._tell_guard(group)

    def _tell_guard(self, group: int) -> None:
        if self._guard is not None and self._guard.stdin is not None:
            with contextlib.suppress(OSError):
                self._guard.stdin.write(f"{group}\n".encode())
                self._guard.stdin.flush()


def _manner(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
