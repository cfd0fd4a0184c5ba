"""`winnow up` for real: from an empty folder to a serving version, through kills and a restart."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest

from models.learn.onnx_encoder import OnnxEncoder
from tests.servers import free_port
from winnow import Client, ConnectionFailed
from winnow.demo.articles import SLUG

PATIENCE = 480.0
COMMAND = [sys.executable, "-m", "winnow"]
FIRST_DAY = Path(__file__).resolve().parents[2] / "deploy" / "trial" / "journey.py"


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


class Machine:
    """A folder, two ports, and the supervisors started on them."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.api, self.ui = free_port(), free_port()
        self.variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
            "WINNOW_DATA_DIR": str(folder / "data"),
            "WINNOW_API_PORT": str(self.api),
            "WINNOW_UI_PORT": str(self.ui),
            **variables,
        }
        self.supervisor: subprocess.Popen[bytes] | None = None
        self._log = folder / "up.log"

    def up(self, **variables: str) -> None:
        """Starts, and waits until it says that it runs."""
        self._log.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            self.supervisor = subprocess.Popen(
                [*COMMAND, "up"], env=self.variables | variables, stdout=log, stderr=log, cwd=self.folder
            )
        eventually(lambda: "Stop       Ctrl-C" in self.said or self.supervisor.poll() is not None)
        assert self.supervisor.poll() is None, self.said

    @property
    def said(self) -> str:
        return self._log.read_text()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.supervisor.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        for child in self.children():
            with suppress(psutil.Error):  # one that has ended meanwhile
                if word in " ".join(child.cmdline()):
                    return child
        raise LookupError(word)

    def stop(self) -> int:
        """Asks for the end and waits for it; the exit code."""
        self.supervisor.terminate()
        return self.supervisor.wait(timeout=PATIENCE)

    def lend(self, encoder_cache: Path, data: Path) -> None:
        """Spare it the export of the encoder, where one is there; what others are exporting just now is left alone."""
        for folder in encoder_cache.glob("[!.]*"):
            if OnnxEncoder.is_there(folder):
                shutil.copytree(folder, data / "encoders" / folder.name)

    def client(self) -> Client:
        key = (self.folder / "data" / "local.key").read_text()
        return Client(f"http://127.0.0.1:{self.api}", api_key=key)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self.variables | variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )


@pytest.fixture
def machine(tmp_path: Path, encoder_cache: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    made.lend(encoder_cache, tmp_path / "data")
    yield made
    if made.supervisor is not None and made.supervisor.poll() is None:
        made.stop()


def is_ready(client: Client) -> bool:
    try:
        return client.ready().ready
    except ConnectionFailed:
        return False


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(runs(process) for process in processes)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


@pytest.mark.timeout(1800)
def test_from_an_empty_folder_to_a_serving_version_through_kills(machine):
    machine.up()
    password = re.search(r"admin / (\S+) ", machine.said).group(1)
    with Client(f"http://127.0.0.1:{machine.api}", username="admin", password=password) as client:
        assert client.me().role == "admin"
        assert httpx2.get(f"http://127.0.0.1:{machine.ui}/_stcore/health", timeout=PATIENCE).text == "ok"

        eventually((machine.folder / "data" / "demo").exists)
        assert client.stats(SLUG).items.embedded > 2000
        answer = client.predict(SLUG, "The striker scored twice in the final")
        assert (answer.model_version, answer.predictions[0].category) == (0, "Sport")

        played = machine.run("--json", "demo", "--simulate", "--decisions", "25")
        assert played.returncode == 0, played.stderr
        eventually(lambda: client.stats(SLUG).serving_model)
        decided = client.stats(SLUG).decisions.total
        assert decided == 25

        for word in ("worker", "api", "streamlit"):
            killed = machine.child(f"-m {word}")
            killed.kill()
            eventually(lambda killed=killed: not killed.is_running())
        for name in ("worker-1", "api", "ui"):
            eventually(lambda name=name: f"{name} started again" in machine.said)
        eventually(lambda: is_ready(client))
        assert client.predict(SLUG, "Shares fall").model_version >= 1

    second = machine.run("up")
    assert second.returncode == 2
    assert "already runs on" in second.stderr

    children = machine.children()
    assert machine.stop() == 0
    eventually(lambda: all_gone(children))

    machine.up()
    assert "admin /" not in machine.said
    with machine.client() as client:
        assert client.stats(SLUG).decisions.total == decided
        assert client.stats(SLUG).serving_model
    children = machine.children()
    machine.supervisor.kill()
    eventually(lambda: all_gone(children))


@pytest.mark.timeout(1200)
def test_an_outside_database_and_redis_and_several_workers(machine, postgresql_server, redis_url):
    from tests.conftest import postgresql_database

    machine.up(
        WINNOW_DATABASE_URL=postgresql_database(postgresql_server),
        WINNOW_REDIS_URL=redis_url,
        WINNOW_WORKERS="2",
        WINNOW_DEMO="0",
        WINNOW_ADMIN_PASSWORD="correct horse battery",
    )
    with Client(f"http://127.0.0.1:{machine.api}", username="admin", password="correct horse battery") as client:
        assert client.ready().parts["workers"].count == 2
        assert client.projects() == []
    played = subprocess.run(  # what `make images` does with the composition
        [sys.executable, FIRST_DAY],
        env=machine.variables
        | {"WINNOW_API_URL": f"http://127.0.0.1:{machine.api}", "WINNOW_ADMIN_PASSWORD": "correct horse battery"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    told = json.loads(played.stdout)
    assert (told["items"], told["decisions"]) == (200, 40)
    assert told["version"] >= 1
    assert not (machine.folder / "data" / "redis").exists()
    assert not (machine.folder / "data" / "winnow.db").exists()
    machine.supervisor.send_signal(signal.SIGINT)
    assert machine.supervisor.wait(timeout=PATIENCE) == 0


@pytest.mark.parametrize(
    "url", ["postgresql://winnow:secret-word@127.0.0.1:1/winnow", "nonsense", "sqlite:////proc/none/w.db"]
)
def test_a_broken_database_url_is_one_sentence(machine, url):
    ended = machine.run("up", WINNOW_DATABASE_URL=url)

    assert ended.returncode == 2
    assert ended.stderr.startswith("winnow: ")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "secret-word" not in ended.stdout + ended.stderr
