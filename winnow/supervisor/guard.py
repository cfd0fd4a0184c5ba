"""Ends what is left of a run when its supervisor is gone.

Run as a program of its own, in a session of its own, with the run's mark as argument and the supervisor's
pipe as standard input. The supervisor writes the process group of every child to the pipe, once when it
begins and once when it has ended. When the pipe ends, because the supervisor stopped or was killed, every process of
those groups, and on Linux every process whose environment carries the mark (a worker's forked process leaves
the group), is asked to end and after a while made to. It imports the standard library
alone, so it costs nothing to have.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

MARK = "WINNOW_RUN"
_GRACE_SECONDS = 6.0


def marked(mark: str) -> set[int]:
    """The processes of a run, except this one; empty where there is no `/proc`."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found - {os.getpid()}


def living(groups: set[int]) -> set[int]:
    """The groups that still have a process."""
    found = set()
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, 0)
            found.add(group)
    return found


def end_run(mark: str, groups: set[int], grace: float = _GRACE_SECONDS) -> None:
    """Asks every process of the run to end, and after `grace` seconds makes it."""
    deadline = time.monotonic() + grace
    asked = False
    while (processes := marked(mark)) | (groups := living(groups)):
        late = time.monotonic() > deadline
        if late or not asked:
            number = signal.SIGKILL if late else signal.SIGTERM
            for group in groups:
                with contextlib.suppress(OSError):
                    os.killpg(group, number)
            for process in processes:
                with contextlib.suppress(OSError):
                    os.kill(process, number)
            asked = True
        if late:
            return
        time.sleep(0.1)


def main() -> None:
    """Reads the groups until the pipe ends, then ends the run."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line)
        groups.symmetric_difference_update({group})
    end_run(sys.argv[1], groups)


if __name__ == "__main__":
    main()
