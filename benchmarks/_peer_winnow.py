"""Winnow in the comparison: SQLite, one API process, one worker."""

import csv
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks._peer_line import Line
from benchmarks._peer_measures import looks
from benchmarks._peer_product import Item, Person
from benchmarks._peer_rows import Rows
from benchmarks._stack import Stack, settle

UNLIMITED = {"WINNOW_RATE_READS": "1000000", "WINNOW_RATE_WRITES": "1000000", "WINNOW_RATE_ITEMS": "1000000"}
NEVER = 1_000_000
_PATIENCE = 900.0
_BLOCK = 500


class Reviewer:
    """Somebody with a key of their own."""

    def __init__(self, port: int, project: str, key: str) -> None:
        self._line = Line(port, {"X-API-Key": key})
        self._path = f"/v1/projects/{project}"

    def ask(self) -> Item | None:
        """Lease one task."""
        for task in self._line.send("POST", f"{self._path}/queue/lease", {"count": 1})["tasks"]:
            return Item(task["item"]["id"], task["item"]["text"], task["task_id"])
        return None

    def answer(self, item: Item, label: str) -> None:
        """Decide it."""
        body = {"task_id": item.task, "action": "correct", "categories": [label]}
        self._line.send("POST", f"{self._path}/decisions", body)


class Winnow:
    """A running Winnow.

    Args:
        stack: its processes.
        every: after how many decisions it learns anew.
    """

    name = "winnow"
    suffix = ".csv"
    settings = "SQLite, one API process, one worker"
    version = version("winnow")

    def __init__(self, stack: Stack, every: int) -> None:
        self._stack, self.every = stack, every
        self._client = stack.client()
        self._ids: dict[str, dict[int, str]] = {}

    @property
    def pids(self) -> list[int]:
        """The API, the worker, and the Redis-protocol server."""
        return self._stack.pids

    def write(self, rows: Rows, file: Path, *, labelled: bool) -> None:
        """A CSV with the columns id, text, label."""
        with file.open("w", newline="", encoding="utf-8") as out:
            lines = csv.writer(out)
            lines.writerow(("id", "text", "label"))
            for number, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True)):
                lines.writerow((number, text, label if labelled else ""))

    def create(self, name: str, rows: Rows) -> str:
        """A project that asks as usual, audits among its questions, but nothing twice."""
        settings = {"retrain_every": self.every, "second_look_rate": 0}
        return self._client.create_project(name, categories=rows.names, settings=settings).slug

    def bring_in(self, project: str, file: Path) -> None:
        """Send the file, and follow its job to the end."""
        started = self._client.import_file(
            project, file, format="csv", text_fields=["text"], id_field="id", label_field="label"
        )
        for _ in looks(0.05, _PATIENCE):
            status = self._client.job(started.job_id).status
            if status not in {"queued", "running"}:
                break
        if status != "succeeded":
            raise ValueError(f"the import ended as {status}")

    def settle(self, project: str) -> None:
        """Wait until every vector is there and the queue is filled."""
        settle(self._client, project)

    def people(self, project: str, count: int) -> Sequence[Person]:
        """Reviewers, each with a key."""
        keys = [self._client.create_api_key(f"{project} {number}", "reviewer").secret for number in range(count)]
        return [Reviewer(self._stack.api_port, project, key or "") for key in keys]

    def export(self, project: str) -> int:
        """All items as JSON Lines; how many were decided."""
        content = b"".join(self._client.export(project, "jsonl", state="decided"))
        return content.count(b"\n")

    def teach(self, project: str, rows: Rows, count: int) -> None:
        """Decide the first rows, train, and wait for all that follows."""
        self._decide(project, rows, range(count))
        settle(self._client, project)
        self._client.wait(self._client.train(project).id)
        settle(self._client, project)

    def relearn(self, project: str, rows: Rows, start: int) -> float:
        """Decide as many as it takes; all items have new predictions when no work is left."""
        missing = self.every - self._client.stats(project).training.decisions_since_last
        self._decide(project, rows, range(start, start + missing - 1))
        before = self._client.predict(project, "is it there yet").model_version
        began = time.perf_counter()
        self._decide(project, rows, range(start + missing - 1, start + missing))
        for _ in looks(0.02, _PATIENCE):
            if self._client.predict(project, "is it there yet").model_version != before:
                break
        settle(self._client, project)
        return time.perf_counter() - began

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _decide(self, project: str, rows: Rows, places: range) -> None:
        if project not in self._ids:
            items = self._client.items(project, limit=1000)
            self._ids[project] = {int(item.external_id or 0): item.id for item in items}
        ids = self._ids[project]
        for start in range(0, len(places), _BLOCK):
            block = places[start : start + _BLOCK]
            told = [{"item_id": ids[one], "action": "correct", "categories": [rows.labels[one]]} for one in block]
            for result in self._client.decide_many(project, told):
                if result.status == "failed":
                    raise ValueError(f"a decision failed: {result.error}")
