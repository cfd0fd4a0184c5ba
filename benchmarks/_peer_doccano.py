"""doccano: its own web server (gunicorn) and task queue (Celery) on SQLite, as its command starts them."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks._peer_environments import Pin, installed, version
from benchmarks._peer_line import Line
from benchmarks._peer_measures import looks
from benchmarks._peer_processes import Processes
from benchmarks._peer_product import Item, Person
from benchmarks._peer_rows import Rows
from benchmarks._stack import free_port

PIN = Pin(
    "doccano",
    ("doccano==1.8.4", "marshmallow==3.26.1", "numpy==1.26.4", "setuptools==80.9.0"),
    ("3.10", "3.9"),
)
_ADMIN, _PASSWORD = "admin", "a-long-password"
_PATIENCE = 1800.0


class Annotator:
    """Somebody signed in, at a project's first example that is not confirmed."""

    def __init__(self, line: Line, project: str, labels: dict[str, int]) -> None:
        self._line, self._labels = line, labels
        self._path = f"/v1/projects/{project}/examples"

    def ask(self) -> Item | None:
        """What the page fetches: one example that waits to be confirmed."""
        for example in self._line.get(f"{self._path}?limit=1&offset=0&confirmed=false")["results"]:
            return Item(str(example["id"]), example["text"])
        return None

    def answer(self, item: Item, label: str) -> None:
        """Choose the label, and confirm the example."""
        self._line.send("POST", f"{self._path}/{item.key}/categories", {"label": self._labels[label]})
        self._line.send("POST", f"{self._path}/{item.key}/states", {})


class Doccano:
    """A running doccano."""

    name = "doccano"
    suffix = ".jsonl"
    settings = (
        "gunicorn with two processes a core and one more, Celery with two, SQLite, as its commands start them; "
        "people share the work, examples in random order"
    )

    def __init__(self, python: Path, folder: Path) -> None:
        self._port, self._python = free_port(), python
        self._program = str(python.with_name("doccano"))
        self._processes = Processes(python, folder, {"DOCCANO_HOME": str(folder / "home")})
        self._labels: dict[str, dict[str, int]] = {}
        self._people = 0
        self.version = version(python, self.name)

    def start(self) -> None:
        """Make its database and an administrator, and start both processes."""
        self._processes.run("init", self._program, "init")
        self._processes.run("createuser", self._program, "createuser", "--username", _ADMIN, "--password", _PASSWORD)
        self._processes.start("webserver", self._program, "webserver", "--port", str(self._port))
        self._processes.start("task", self._program, "task")
        self._processes.until(lambda: self._signed_in(_ADMIN, _PASSWORD))
        self._admin = self._signed_in(_ADMIN, _PASSWORD)

    def end(self) -> None:
        """End both."""
        self._processes.end()

    @property
    def pids(self) -> list[int]:
        """Web server and task queue."""
        return self._processes.pids

    def write(self, rows: Rows, file: Path, *, labelled: bool) -> None:
        """JSON Lines with `text` and `label`."""
        with file.open("w", encoding="utf-8") as out:
            for text, label in zip(rows.texts, rows.labels, strict=True):
                out.write(json.dumps({"text": text, "label": [label] if labelled else []}) + "\n")

    def create(self, name: str, rows: Rows) -> str:
        """A project in which people share the work: what one has confirmed is confirmed for all."""
        body = {
            "name": name,
            "description": name,
            "project_type": "DocumentClassification",
            "resourcetype": "TextClassificationProject",
            "collaborative_annotation": True,
            "single_class_classification": True,
            "random_order": True,
        }
        project = str(self._admin.send("POST", "/v1/projects", body)["id"])
        path = f"/v1/projects/{project}/category-types"
        made = [self._admin.send("POST", path, {"text": label, "suffix_key": None}) for label in rows.names]
        self._labels[project] = {one["text"]: one["id"] for one in made}
        return project

    def bring_in(self, project: str, file: Path) -> None:
        """Upload the file, and wait until its task is done."""
        upload = self._admin.upload("/v1/fp/process/", file, "filepond", "application/jsonl").decode()
        body = {
            "format": "JSONL",
            "task": "DocumentClassification",
            "uploadIds": [upload],
            "column_data": "text",
            "column_label": "label",
            "encoding": "utf_8",
        }
        self._finished(self._admin.send("POST", f"/v1/projects/{project}/upload", body)["task_id"])

    def settle(self, project: str) -> None:
        """Nothing goes on behind an import."""

    def people(self, project: str, count: int) -> Sequence[Person]:
        """Annotators, members of the project."""
        found = []
        roles = {one["name"]: one["id"] for one in self._admin.get("/v1/roles")}
        for _ in range(count):
            self._people += 1
            name = f"person-{self._people}"
            body = {"username": name, "password1": _PASSWORD, "password2": _PASSWORD}
            user = self._admin.send("POST", "/v1/users/create", body)
            member = {"user": user["id"], "role": roles["annotator"]}
            self._admin.send("POST", f"/v1/projects/{project}/members", member)
            found.append(Annotator(self._signed_in(name, _PASSWORD), project, self._labels[project]))
        return found

    def export(self, project: str) -> int:
        """Have everything written as JSON Lines, and fetch it (a ZIP)."""
        body = {"format": "JSONL", "exportApproved": False}
        task = self._admin.send("POST", f"/v1/projects/{project}/download", body)["task_id"]
        self._finished(task)
        return labelled_in(self._admin.ask("GET", f"/v1/projects/{project}/download?taskId={task}"))

    def _finished(self, task: str) -> None:
        for _ in looks(0.1, _PATIENCE):
            told = self._admin.get(f"/v1/tasks/status/{task}")
            if told["ready"]:
                break
        if told.get("error"):
            raise ValueError(f"doccano: {told['error']}")

    def _signed_in(self, name: str, password: str) -> Line:
        line = Line(self._port)
        token = line.send("POST", "/v1/auth/login/", {"username": name, "password": password})["key"]
        line.headers["Authorization"] = f"Token {token}"
        line.cookies.clear()
        return line


def labelled_in(archive: bytes) -> int:
    """How many rows of an exported ZIP of JSON Lines have a label."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        lines = (line for name in files.namelist() for line in files.read(name).splitlines())
        return sum(bool(json.loads(line)["label"]) for line in lines)


@contextmanager
def running(cache: Path, folder: Path, _words: Sequence[str]) -> Iterator[Doccano]:
    """A doccano in an environment of its own, while the `with` block lasts."""
    server = Doccano(installed(PIN, cache), folder)
    try:
        server.start()
        yield server
    finally:
        server.end()
