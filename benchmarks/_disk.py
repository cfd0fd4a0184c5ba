"""A small disk, and what fills it."""

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNKS = (2**20, 2**12)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own at an empty folder, which root alone may mount.

    Raises:
        PermissionError: it cannot be mounted here; the words are those of `mount`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode:
        raise PermissionError(told.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room on a disk. Returns the file whose end makes room again."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in _CHUNKS:
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return ballast


def narrow(disk: Path, free: float) -> Path:
    """Leave so much of a disk free, as a share of it. Returns the file whose end makes room again."""
    ballast, usage = disk / "ballast", shutil.disk_usage(disk)
    ballast.write_bytes(bytes(max(0, round(usage.free - usage.total * free))))
    return ballast
