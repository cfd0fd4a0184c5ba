"""One process under the supervisor: started in a group of its own, its output in a log of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

_ROTATE_BYTES = 20_000_000
_READ_BYTES = 200_000
_LINES_SHOWN = 5
_LAST_WORDS_SECONDS = 3.0
_IMPORTANT = re.compile(r"(?<![.\w])(ERROR|CRITICAL)\b|\"level\": ?\"(error|critical)\"")
_LONGEST_BACK_OFF = 30.0
_STEADY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """What to run.

    Attributes:
        name: what people call it; also the name of its log.
        command: the command line.
        environment: the whole environment of the process.
        once: it runs to its end and is not restarted.
        talkative: every line of its output is worth showing.
    answers: its standard output is a short answer for the supervisor and stays out of the log.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    once: bool = False
    talkative: bool = False
    answers: bool = False


@dataclass(slots=True)
class Child:
    """A part as it runs now, was running, or will run again at `due` (monotonic seconds)."""

    part: Part
    log: Path
    process: subprocess.Popen[bytes] | None = None
    due: float = 0.0
    failures: int = 0
    started: float = 0.0
    _read_to: int = field(default=0)

    @classmethod
    def begin(cls, part: Part, logs: Path) -> Child:
        """Starts a part with a fresh log; the log of the run before is kept as `.log.1`."""
        log = logs / f"{part.name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        child = cls(part, log)
        child.spawn()
        return child

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return None if self.process is None else self.process.poll()

    def spawn(self) -> None:
        """Starts the process in a session of its own, so that Ctrl-C reaches the supervisor alone. Raises OSError."""
        self.started = time.monotonic()
        self.log.parent.mkdir(exist_ok=True)  # somebody may have tidied up
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.part.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.part.answers else output,
                stderr=output,
                env=dict(self.part.environment),
                start_new_session=True,
            )
        self.due = 0.0

    def answer(self) -> str:
        """What a part that `answers` wrote to its standard output; waits for its end."""
        return "" if self.process is None else self.process.communicate()[0].decode()

    def note_death(self, now: float) -> float:
        """Plans the next start. Returns the seconds until then, longer with each death in a row."""
        self.failures = 0 if now - self.started > _STEADY_SECONDS else self.failures
        pause: float = min(0.5 * 2**self.failures, _LONGEST_BACK_OFF)
        self.failures += 1
        self.due = now + pause
        self.process = None
        return pause

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group; one that is gone already is left in peace."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def show_news(self, show: Callable[[str], None]) -> None:
        """Shows what the operator should see of the lines since the last time; then rotates a long log."""
        with contextlib.suppress(OSError):  # a log that cannot be read ends nothing
            status = self.log.stat()
            size = status.st_size
            # The last words of a part that fails are told by whoever waits for it, once.
            failing = self.part.once and self.exit_code != 0 and time.time() - status.st_mtime < _LAST_WORDS_SECONDS
            if size > self._read_to and not failing:
                with self.log.open("rb") as log:
                    log.seek(max(self._read_to, size - _READ_BYTES))
                    new = log.read(size - log.tell())
                whole = new.rfind(b"\n") + 1
                self._read_to = size - (len(new) - whole)
                lines = new[:whole].decode("utf-8", "replace").splitlines()
                wanted = [line for line in lines if self.part.talkative or _IMPORTANT.search(line)]
                for line in wanted if self.part.talkative else wanted[:_LINES_SHOWN]:
                    show(line)
            if size > _ROTATE_BYTES:
                # The process appends to its open file, so the file is emptied in place.
                with contextlib.suppress(OSError):  # the disk is full: then there is all the more reason to empty it
                    shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)
                self._read_to = 0

    def last_words(self, count: int = 3) -> str:
        """The last lines of the log, for saying why it ended."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _READ_BYTES))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
            return "\n".join(lines[-count:])
        return ""
