"""A clock that can be set, for processes that are started through `benchmarks._stand_in`.

libfaketime would set it for every program, but now and then breaks `time.sleep` of Python. So what reads the clock is
set: `models.store.types.utc_now`, from which every row has its time, the look at when a token ends, and `time.time`.
"""

import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from unittest.mock import patch

VARIABLE = "STAND_IN_CLOCK"
"""Of the environment: a file with the seconds by which the clock is ahead."""

_LOOK_SECONDS = 0.2


class Clock:
    """The clock of this machine, and so many seconds more or less.

    Args:
        folder: where it stands how many.

    Attributes:
        variables: of the environment, for processes that go by it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.variables = {VARIABLE: str(self._file)}
        self.set(0)

    def set(self, seconds: int) -> None:
        """Go ahead by so many seconds, or behind."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self._file)


class _Moment(type):
    """Every moment is one of its classes' own."""

    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, datetime)


def follow(file: Path) -> None:
    """Have this process go by a clock from now on."""
    real = time.time
    seen = [0.0, float("-inf")]

    def ahead() -> float:
        if time.monotonic() - seen[1] > _LOOK_SECONDS:
            seen[:] = float(file.read_text()), time.monotonic()
        return seen[0]

    class Shifted(metaclass=_Moment):
        """What asks it what time it is now is told so."""

        @staticmethod
        def now(tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=ahead())

    for name, moved in (
        ("time.time", lambda: real() + ahead()),
        ("models.store.types.datetime", Shifted),
        ("jose.jwt.datetime", Shifted),
    ):
        patch(name, moved).start()
