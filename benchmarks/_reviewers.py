"""People who review, in a process of their own: raw sockets, so that they cost the machine little.

    python -m benchmarks._reviewers PORT SLUG KEY PEOPLE SECONDS PAUSE

Each leases five questions, answers them one by one with a pause before each answer, and leases the next. Prints the
milliseconds of every call as JSON.
"""

import json
import socket
import sys
import threading
import time
from typing import Any

from benchmarks._load import asked, made

_AT_ONCE = 5


class Person(threading.Thread):
    """One reviewer on a connection of their own."""

    def __init__(self, port: int, slug: str, key: str, *, until: float, pause: float, late: float) -> None:
        super().__init__(daemon=True)
        self._line = socket.create_connection(("127.0.0.1", port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._path, self._headers = f"/v1/projects/{slug}", {"X-API-Key": key}
        self._until, self._pause, self._late = until, pause, late
        self.leases: list[float] = []
        self.decisions: list[float] = []
        self.empty = 0
        self.refused = 0

    def run(self) -> None:
        """Review until the time is over."""
        time.sleep(self._late)
        while time.perf_counter() < self._until:
            told = self._timed("/queue/lease", {"count": _AT_ONCE}, self.leases)
            if not told["tasks"]:
                self.empty += 1
                time.sleep(self._pause)
            for task in told["tasks"]:
                time.sleep(self._pause)
                said = task["prediction"]
                answer = {"action": "accept"} if said else {"action": "skip"}
                self._timed("/decisions", {"task_id": task["task_id"], "seconds": 1, **answer}, self.decisions)

    def _timed(self, path: str, body: dict[str, Any], times: list[float]) -> dict[str, Any]:
        request = made(self._path + path, self._headers, body)
        began = time.perf_counter()
        answer = asked(self._line, request)
        times.append((time.perf_counter() - began) * 1000)
        if answer[9:12] not in {b"200", b"201"}:
            self.refused += 1
            return {"tasks": []}
        told: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return told


def main() -> None:
    """Review as the arguments say."""
    port, slug, key, people, seconds, pause = sys.argv[1:]
    until = time.perf_counter() + float(seconds)
    gap = float(pause) / int(people)
    crowd = [
        Person(int(port), slug, key, until=until, pause=float(pause), late=gap * place) for place in range(int(people))
    ]
    for person in crowd:
        person.start()
    for person in crowd:
        person.join()
    told = {
        "leases": [one for person in crowd for one in person.leases],
        "decisions": [one for person in crowd for one in person.decisions],
        "empty": sum(person.empty for person in crowd),
        "refused": sum(person.refused for person in crowd),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
