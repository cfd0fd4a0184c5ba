"""Programs of other people that some tests run for real: Prometheus, Alertmanager and their tools."""

import functools
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock

_LOWEST_PORT, _PORTS = 10_000, 5_920  # sandboxes take what they give from 16,000 upwards
_COUNT = itertools.count(os.getpid() * 37)  # one run after another begins elsewhere
_CLAIMS: list[socket.socket] = []
_PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "iptables": "iptables",
}


def tool(name: str) -> str:
    """Where a program is; installs it where that is allowed, else skips the test and says why."""
    found = shutil.which(name) or _installed(name)
    if found is None:
        pytest.skip(f"{name} is not installed and cannot be: Debian and Ubuntu have it in {_PACKAGES[name]}")
    return found


@functools.cache
def _installed(name: str) -> str | None:
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        return None
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--quiet", "--no-install-recommends"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Tests run side by side: another may be installing just now, perhaps the same.
    with FileLock(Path(tempfile.gettempdir()) / "winnow-tests-apt.lock"):
        if shutil.which(name) is None:
            with suppress(subprocess.TimeoutExpired):
                update = ["apt-get", "update", "--quiet"]
                subprocess.run(update, env=environment, capture_output=True, timeout=120, check=False)
            subprocess.run([*command, _PACKAGES[name]], env=environment, capture_output=True, check=False)
    return shutil.which(name)


def free_port() -> int:
    """A port that is free, and is given to nobody else: not twice here, nor by tests side by side, nor to a caller.

    Below the ports that systems give to connections on their way out, so none of these takes it meanwhile. Who gives
    it holds UDP's port of the same number until its end, which tells all other tests on this machine.
    """
    while True:
        port = _LOWEST_PORT + next(_COUNT) % _PORTS
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe, suppress(OSError):
            claim.bind(("127.0.0.1", port))
            probe.bind(("127.0.0.1", port))
            _CLAIMS.append(claim)
            return port
        claim.close()
