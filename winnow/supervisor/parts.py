"""The processes of a run: what each is called, its command line and its environment."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from winnow.supervisor.child import Part
from winnow.supervisor.guard import MARK
from winnow.supervisor.plan import CannotStartError

if TYPE_CHECKING:
    from winnow.supervisor.plan import Plan

_MOST_THREADS = 4
# -P keeps the folder that `winnow up` was typed in off the import path.
_PYTHON = (sys.executable, "-P")


def environment(plan: Plan, mark: str, redis_url: str) -> dict[str, str]:
    """The environment that all processes share; what the operator has set stays as it is."""
    cores = os.cpu_count() or 1
    threads = str(max(1, min(_MOST_THREADS, cores // 2)))
    chosen = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "false"}
    return {
        **chosen,
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "WINNOW_DATA_DIR": str(plan.data_dir),
        "WINNOW_HOST": plan.host,
        "WINNOW_API_PORT": str(plan.api_port),
        "WINNOW_UI_PORT": str(plan.ui_port),
        "WINNOW_WORKERS": str(plan.workers),
        "WINNOW_API_URL": plan.api_url,
        "WINNOW_REDIS_URL": redis_url,
        MARK: mark,
    }


def prepare(shared: dict[str, str]) -> Part:
    """Makes the folder, the database's shape, the encoder's files and the first user."""
    command = (*_PYTHON, "-m", "models.prepare", "--json")
    return Part("prepare", command, shared, once=True, talkative=True, answers=True)


def redis(command: list[str], shared: dict[str, str]) -> Part:
    """The Redis-protocol server."""
    return Part("redis", command, shared)


def api(shared: dict[str, str]) -> Part:
    """The HTTP API."""
    return Part("api", (*_PYTHON, "-m", "api"), shared)


def workers(plan: Plan, shared: dict[str, str]) -> list[Part]:
    """The worker processes."""
    command = (*_PYTHON, "-m", "worker")
    return [Part(f"worker-{number}", command, shared) for number in range(1, plan.workers + 1)]


def ui(plan: Plan, shared: dict[str, str]) -> Part:
    """The pages."""
    found = importlib.util.find_spec("ui")
    if found is None or not found.submodule_search_locations:
        raise CannotStartError("The pages are not installed: the package ui is missing.")
    app = Path(found.submodule_search_locations[0]) / "app.py"
    options = {
        "server.address": plan.host,
        "server.port": plan.ui_port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return Part("ui", (*_PYTHON, "-m", "streamlit", "run", str(app), *flags), shared)


def demo(shared: dict[str, str]) -> Part:
    """The demo project, brought in once."""
    return Part("demo", (*_PYTHON, "-m", "winnow", "demo"), shared, once=True, talkative=True)
