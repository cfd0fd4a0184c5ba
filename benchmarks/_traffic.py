"""What goes on in the drill whatever is broken: programs that ask at a steady pace, and a person who skips."""

import threading
import time

from benchmarks._scene import TRAFFIC, Scene
from winnow import Client, WinnowError

RATE, PROGRAMS = 6.0, 30
"""Questions a second, and how many may be unanswered at once before the next has to wait."""
SLOW = 1.0
"""Seconds that an answer may take by the objective."""
_PAUSE = 1.0


class Ticks:
    """Moments at a steady pace, each given to one who asks; one that has passed is given too, and not left out.

    Args:
        rate: so many a second.
    """

    def __init__(self, rate: float) -> None:
        self._pause, self._due = 1 / rate, time.monotonic()
        self._guard = threading.Lock()

    def next(self) -> float:
        """The next moment, by the monotonic clock."""
        with self._guard:
            self._due += self._pause
            return self._due


class Program(threading.Thread):
    """One of those that ask, at the next moment that no other has taken; it tries nothing twice."""

    def __init__(self, scene: Scene, ticks: Ticks) -> None:
        super().__init__(daemon=True)
        self._scene, self._ticks = scene, ticks
        self._client = Client(scene.client.base_url, api_key=scene.stack.key(), retries=0)
        self.answered = self.failed = self.slow = 0

    def run(self) -> None:
        """Ask until all is over."""
        while not self._scene.over.wait(max(0.0, self._ticks.next() - time.monotonic())):
            text, began = self._scene.text(), time.monotonic()
            try:
                self._client.predict(TRAFFIC, [text])
            except WinnowError:
                self.failed += 1
            else:
                self.answered += 1
                self.slow += time.monotonic() - began > SLOW


class Person(threading.Thread):
    """Somebody who skips a question each second, and looks at the project."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(daemon=True)
        self._scene = scene
        self._client = scene.stack.client()
        self.answered = self.failed = self.skipped = 0

    def run(self) -> None:
        """Skip until all is over."""
        while not self._scene.over.wait(_PAUSE):
            try:
                for task in self._client.lease(TRAFFIC, 1):
                    self._client.decide(TRAFFIC, task_id=task.task_id, action="skip")
                    self.skipped += 1
                self._client.stats(TRAFFIC)
            except WinnowError:
                self.failed += 1
            else:
                self.answered += 1


class Traffic:
    """All of them."""

    def __init__(self, scene: Scene) -> None:
        ticks = Ticks(RATE)
        self._programs = [Program(scene, ticks) for _ in range(PROGRAMS)]
        self._person = Person(scene)

    def start(self) -> None:
        """Begin; the scene's end ends it."""
        for one in (*self._programs, self._person):
            one.start()

    def so_far(self) -> dict[str, int]:
        """What became of it: of all how many were answered or failed, and of the programs' how many slowly."""
        everyone: list[Program | Person] = [*self._programs, self._person]
        return {
            "answered": sum(one.answered for one in everyone),
            "failed": sum(one.failed for one in everyone),
            "slow": sum(one.slow for one in self._programs),
            "skipped": self._person.skipped,
        }
