"""Runs in a container, as `python -`: what a process there may do, and what it is made of. Prints JSON.

Standard library alone, and nothing of Winnow: the same for every image.
"""

import importlib.metadata
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

NOT_THERE = ("torch", "transformers", "sentence_transformers")
"""What only makes encoders: some gigabytes."""

_KERNELS = {"/dev", "/proc", "/sys"}


def main() -> None:
    """Look, and tell."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    told = {
        "user": [os.getuid(), os.getgid()],
        "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
        "no_new_privileges": status["NoNewPrivs"] == "1",
        "read_only": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
        "writable": writable("/"),
        "resident_mb": resident(Path("/proc/1/status")),
        "heavy": [name for name in NOT_THERE if importlib.util.find_spec(name) is not None],
        "python": sorted(python_packages(), key=lambda one: one["name"]),
        "debian": debian_packages(Path("/var/lib/dpkg/status")),
        "release": release(Path("/etc/os-release")),
    }
    json.dump(told, sys.stdout)


def writable(root: str) -> list[str]:
    """The topmost folders in which this process may make a file."""
    found = []
    for folder, below, _ in os.walk(root):
        if folder in _KERNELS:
            below.clear()
        elif os.access(folder, os.W_OK):
            found.append(folder)
            below.clear()
    return sorted(found)


def resident(status: Path) -> int:
    """Memory that a process holds now, in MB."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    return round(int(found[1]) * 1024 / 1e6) if found else 0


def python_packages() -> list[dict[str, str]]:
    """Name, version and licence of every distribution that this interpreter finds."""
    return [
        {
            "name": re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(),
            "version": one.version,
            "licence": str(one.metadata.json.get("license_expression", "")),
        }
        for one in importlib.metadata.distributions()
    ]


def debian_packages(status: Path) -> list[dict[str, str]]:
    """Name, version and architecture of what dpkg has installed."""
    found = []
    for block in status.read_text().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if re.match(r"[A-Z][\w-]*: ", line))
        if fields.get("Status", "").endswith(" installed"):
            found.append(
                {"name": fields["Package"], "version": fields["Version"], "architecture": fields["Architecture"]}
            )
    return found


def release(file: Path) -> str:
    """The distribution, as `debian-12`."""
    fields = dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
    return f"{fields['ID']}-{fields['VERSION_ID']}".replace('"', "")


if __name__ == "__main__":
    main()
