"""The processes of another product: run in an environment of its own, watched, and ended with all that they started."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks._peer_line import Refused

_PATIENCE = 900.0  # on a busy machine migrations alone take minutes
_FAREWELL = 15.0


class Unavailable(Exception):
    """Why a peer cannot take part, in words."""


class Processes:
    """What belongs to one server.

    Args:
        python: the interpreter of its environment.
        folder: for its files and logs.
        variables: of its environment, beside what every process needs.
    """

    def __init__(self, python: Path, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._began: dict[str, subprocess.Popen[bytes]] = {}
        self._variables = {
            "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }

    @property
    def pids(self) -> list[int]:
        """The processes that were started, without their children."""
        return [process.pid for process in self._began.values()]

    def run(self, name: str, *command: str) -> None:
        """Run something to its end.

        Raises:
            Unavailable: where it fails.
        """
        process = self._begin(name, command)
        try:
            failed = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"`{name}` is not done after {_PATIENCE:g} s: {self._last(name)}") from error
        finally:
            _end(process)
        if failed:
            raise Unavailable(f"`{name}` failed: {self._last(name)}")

    def start(self, name: str, *command: str) -> None:
        """Start something that goes on until `end`."""
        self._began[name] = self._begin(name, command)

    def until(self, ready: Callable[[], object]) -> None:
        """Wait until a call is answered.

        Raises:
            Unavailable: where a process ends before, or it takes too long.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for name, process in self._began.items():
                if process.poll() is not None:
                    raise Unavailable(f"`{name}` ended: {self._last(name)}")
            with suppress(OSError, Refused):
                ready()
                return
            time.sleep(0.3)
        raise Unavailable(f"it does not answer after {_PATIENCE:g} s: {self._last(next(iter(self._began)))}")

    def end(self) -> None:
        """End everything that was started, and what that started."""
        for process in self._began.values():
            _end(process)

    def _begin(self, name: str, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with self._log(name).open("ab") as log:
            return subprocess.Popen(
                command,
                env=self._variables,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # a session of its own would be given its own share of a busy processor
            )

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _last(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:]) or "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process's group to end; what is there still after a while is killed."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_FAREWELL)
    with suppress(ProcessLookupError):  # children may outlive the one that was waited for
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
