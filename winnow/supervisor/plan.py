"""What the operator chose for `winnow up`, and the checks that need nothing running."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import os
import shutil
import socket
import time
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_NEEDED_MEGABYTES = 200
_MEGABYTE = 1_000_000
_HOLDER_ENDS_SECONDS = 15.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SERVER_PARTS = ("api", "worker", "ui", "fastapi", "streamlit", "rq")


class CannotStartError(Exception):
    """Winnow cannot start; `str()` of it is the sentence for the operator."""


class Plan(BaseModel):
    """The variables of the environment that `winnow up` itself looks at; the rest is for its children.

    Raises:
        CannotStartError: by `from_environment`, naming the variable that cannot be used.
    """

    model_config = ConfigDict(frozen=True)

    data_dir: Path = Path(".winnow")
    host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    ui_port: int = Field(default=8501, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    redis_url: str = ""
    demo: Literal["0", "1"] = "1"

    @classmethod
    def from_environment(cls) -> Plan:
        """The plan that the `WINNOW_*` variables make."""
        given = {name: os.environ.get(f"WINNOW_{name.upper()}", "") for name in cls.model_fields}
        try:
            plan = cls.model_validate({name: value for name, value in given.items() if value})
        except ValidationError as error:
            first = error.errors()[0]
            name = f"WINNOW_{first['loc'][0]}".upper()
            raise CannotStartError(f"{name}={first['input']} cannot be used: {first['msg']}.") from error
        return plan.model_copy(update={"data_dir": plan.data_dir.absolute()})

    @property
    def reachable_host(self) -> str:
        """The host by which a program on this machine reaches the servers, ready for a URL."""
        with contextlib.suppress(ValueError):
            address = ip_address(self.host)
            if isinstance(address, IPv6Address):
                return "[::1]" if address.is_unspecified else f"[{self.host}]"
            return "127.0.0.1" if address.is_unspecified else self.host
        return self.host

    @property
    def api_url(self) -> str:
        """The address of the API from this machine."""
        return f"http://{self.reachable_host}:{self.api_port}"

    @property
    def ui_url(self) -> str:
        """The address of the pages from this machine."""
        return f"http://{self.reachable_host}:{self.ui_port}"

    @property
    def logs(self) -> Path:
        """Where each process writes its log."""
        return self.data_dir / "logs"


def check_installation() -> None:
    """Raises `CannotStartError` where only the client is installed."""
    missing = [name for name in _SERVER_PARTS if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotStartError(
            f"The server is not installed ({', '.join(missing)} missing). "
            "Install it with: pip install 'winnow[server,embedded]'"
        )


def check_ports(plan: Plan) -> None:
    """Raises `CannotStartError` where a port is taken or the host is not of this machine."""
    if plan.api_port == plan.ui_port:
        raise CannotStartError(f"WINNOW_API_PORT and WINNOW_UI_PORT are both {plan.api_port}; they must differ.")
    for variable, port in (("WINNOW_API_PORT", plan.api_port), ("WINNOW_UI_PORT", plan.ui_port)):
        try:
            bind(plan.host, port).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                sentence = f"Port {port} is taken by another program. Stop it, or choose another with {variable}."
            elif error.errno == errno.EACCES:
                sentence = f"Port {port} needs more rights than this user has. Choose another with {variable}."
            else:
                sentence = f"WINNOW_HOST={plan.host} is no address of this machine ({error.strerror or error})."
            raise CannotStartError(sentence) from error


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address as a server would bind it. Raises `OSError`."""
    address = host or "127.0.0.1"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def claim_folder(plan: Plan) -> IO[str]:
    """Makes the data folder, checks that it can be used, and takes its lock.

    Returns:
        The lock file; the folder is claimed for as long as it stays open.

    Raises:
        CannotStartError: where the folder cannot be written, the disk is full, or another `winnow up` has it.
    """
    folder = plan.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(folder).free // _MEGABYTE
        if free < _NEEDED_MEGABYTES:
            raise CannotStartError(
                f"The disk is full: {free} MB are free at {folder}, Winnow needs {_NEEDED_MEGABYTES} MB. "
                "Free some space, or choose another folder with WINNOW_DATA_DIR."
            )
        plan.logs.mkdir(exist_ok=True)
        lock = (folder / "winnow.lock").open("a+")
    except OSError as error:
        raise CannotStartError(sentence_for(error, folder)) from error
    # A supervisor that was killed leaves the lock with its guard for the seconds that it takes to clean up.
    deadline = time.monotonic() + _HOLDER_ENDS_SECONDS
    while (holder := _other_holder(lock)) is not None:
        if Path(f"/proc/{holder}").exists() or not Path("/proc").exists() or time.monotonic() > deadline:
            lock.close()
            raise CannotStartError(
                f"Winnow already runs on {folder} (process {holder}). Stop it first, "
                "or choose another folder with WINNOW_DATA_DIR."
            )
        time.sleep(0.1)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _other_holder(lock: IO[str]) -> str | None:
    """Takes the lock; where somebody else has it, their process id as they wrote it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        return lock.read().strip() or "unknown"
    return None


def sentence_for(error: OSError, folder: Path) -> str:
    """What to tell the operator about a failed write to the data folder."""
    if error.errno in _FULL:
        return f"The disk is full: nothing more can be written to {folder}. Free some space, then start again."
    return (
        f"The data folder {folder} cannot be written: {error.strerror or error}. "
        "Change its rights, or choose another with WINNOW_DATA_DIR."
    )
