"""How the crowd of a benchmark looks at the system in the end."""

from typing import cast

from benchmarks._crowd import becomes_ready
from winnow import Client, ConnectionFailed
from winnow.schemas_insight import Readiness

AWAY = "away"


class Recovering:
    """A system that says one of these each time it is asked, and the last one ever after."""

    def __init__(self, *states: str) -> None:
        self._states = [*states]

    def ready(self) -> Readiness:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if state == AWAY:
            raise ConnectionFailed("nobody listens")
        return Readiness(status=state)


def test_a_system_that_is_not_ready_yet_is_waited_for() -> None:
    assert becomes_ready(cast("Client", Recovering(AWAY, "unready", "unready", "ready")))


def test_a_system_that_stays_unready_is_told() -> None:
    assert not becomes_ready(cast("Client", Recovering("unready")), patience=0.0)
