"""Hosts of one machine, each with a network and a disk of its own: network namespaces, joined by a bridge."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

from benchmarks._stack import Stack


class Host:
    """A network of its own.

    Attributes:
        name: of its namespace.
        address: by which the others reach it.
    """

    def __init__(self, name: str, address: str, bridge: str) -> None:
        self.name, self.address = name, address
        self._plug = f"{name}p"
        _ip("netns", "add", name)
        _ip("link", "add", self._plug, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", self._plug, "master", bridge, "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")

    @property
    def within(self) -> list[str]:
        """What stands before a command that is to run here."""
        return ["ip", "netns", "exec", self.name]

    def cut_off(self) -> None:
        """Pull the plug: nobody is told."""
        _ip("link", "set", self._plug, "down")

    def join(self) -> None:
        """Put it in again."""
        _ip("link", "set", self._plug, "up")

    def lose(self, share: float) -> None:
        """Lose this share of all packets that come in, and as many that go out; 0: none any more."""
        rules = ["-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP"]
        for chain, way in (("INPUT", "-i"), ("OUTPUT", "-o")):
            _run(*self.within, "iptables", "-F", chain)
            if share:
                _run(*self.within, "iptables", "-A", chain, way, "eth0", *rules)


class Network:
    """A bridge, and hosts on it, as long as the `with` block. Needs root, and `ip` of iproute2.

    Attributes:
        address: of this machine, as its hosts reach it.
    """

    def __init__(self) -> None:
        self._name = f"wn{os.getpid() % 100_000}"
        self._subnet = f"10.213.{os.getpid() % 250}"
        self.address = f"{self._subnet}.1"
        self._hosts: list[Host] = []

    def __enter__(self) -> Self:
        _ip("link", "add", self._name, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._name)
        _ip("link", "set", self._name, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self._hosts:
            _ip("netns", "del", host.name)
        _ip("link", "del", self._name)

    def host(self) -> Host:
        """One more."""
        number = len(self._hosts) + 2
        made = Host(f"{self._name}h{number}", f"{self._subnet}.{number}", self._name)
        self._hosts.append(made)
        return made


class Spread(Stack):
    """A stack whose processes run on hosts of their own and have no folder in common.

    Args:
        hosts: where each process runs: `api`, `worker`, `worker-2` and so on.
    """

    def __init__(self, folder: Path, hosts: Mapping[str, Host], *given: Any, **more: Any) -> None:
        super().__init__(folder, *given, **more)
        self._hosts = hosts
        self.host = hosts["api"].address
        self.variables["WINNOW_HOST"] = self.host

    @override
    def place(self, known: str) -> tuple[list[str], dict[str, str]]:
        data = self.data if known == "api" else self._folder / f"data-{known}"
        return self._hosts[known].within, {"WINNOW_DATA_DIR": str(data)}


def why_not() -> str | None:
    """Why there can be no hosts here; None where there can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if shutil.which("ip") is None:
        return "needs `ip` for network namespaces: Debian and Ubuntu have it in iproute2"
    try:
        name = f"winnow-look-{os.getpid()}"  # another process may be looking just now
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made here: {error.stderr.strip()}"
    return None


def _ip(*given: str) -> None:
    _run("ip", *given)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
