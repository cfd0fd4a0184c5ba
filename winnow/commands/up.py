"""Everything on this machine."""

from __future__ import annotations

import importlib

from winnow import console


def up() -> None:
    """Start everything on this machine: Redis-protocol server, API, workers, pages; Ctrl-C ends it."""
    try:
        start = importlib.import_module("winnow.supervisor.start")
    except ImportError:
        console.stop("`winnow up` needs Linux or macOS; elsewhere run the parts in containers.", 2)
    try:
        start.up()
    except start.CannotStartError as error:
        console.stop(str(error), 2)
