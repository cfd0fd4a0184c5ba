"""The whole system into a file, and back."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.markup import escape

from winnow import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from winnow.access import Access

Target = Annotated[
    Path,
    typer.Argument(metavar="FILE|FOLDER", help="A new file ending in .zip, or a folder, where it is named by time."),
]
Archive = Annotated[Path, typer.Argument(metavar="FILE", help="What `winnow backup` wrote.")]

_DONE = 0


def backup(
    context: typer.Context,
    *,
    target: Target,
    keep: Annotated[
        int | None, typer.Option(min=1, help="In a folder: delete all but so many of the newest backups.")
    ] = None,
) -> None:
    """Write the database and the artifacts of this machine's server to one file, while it runs."""
    access: Access = context.obj
    if not (os.environ.get("WINNOW_DATABASE_URL") or (access.data_dir / "winnow.db").exists()):
        console.stop(
            f"There is no Winnow in {access.data_dir}. Name its data folder by --data-dir or WINNOW_DATA_DIR.", 2
        )
    told = _run(access, "take", target, *(() if keep is None else ("--keep", str(keep))))
    if access.as_json:
        console.write_json(told)
        return
    console.results.print(escape(f"{told['archive']}: {_contents(told)}, {decimal(told['bytes'])}"))
    _remarks(told)
    for path in told["dropped"]:
        console.remark(f"Deleted {path}")


def restore(
    context: typer.Context,
    *,
    archive: Archive,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where there is something already; that is then lost.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only read it and hold it against its hashes.")] = False,
) -> None:
    """Make this machine's server what it was when a backup was taken; nothing of it may run meanwhile."""
    access: Access = context.obj
    if check:
        told = _run(access, "check", archive)
    else:
        with _folder_claimed(access.data_dir):
            told = _run(access, "restore", archive, *(("--replace",) if replace else ()))
    if access.as_json:
        console.write_json(told)
        return
    moment = f"of {told['taken_at']}, release {told['release']}, from {told['database']}"
    done = "is whole" if check else f"was restored in {told['seconds']:.1f} s"
    console.results.print(escape(f"{archive}, {moment}, {done}: {_contents(told)}"))
    _remarks(told)
    if not check:
        console.remark("Start Winnow now; its local copies of vectors are made again by themselves.")


def _run(access: Access, *arguments: str | Path) -> dict[str, Any]:
    """Has the server's own code do it, in a process of its own. Ends the command where that cannot."""
    if importlib.util.find_spec("models") is None:
        console.stop("The server is not installed here: run this where it runs (pip install 'winnow[server]').", 2)
    variables = {**os.environ, "WINNOW_DATA_DIR": str(access.data_dir.absolute())}
    command = [sys.executable, "-P", "-m", "models.backups", *map(str, arguments)]
    with subprocess.Popen(  # noqa: S603  (the interpreter that runs this command, and a list of arguments)
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        last = ""
        for line in process.stderr or ():
            if last and console.remarks.is_terminal:
                console.remark(last)
            last = line.rstrip()
        out = process.stdout.read() if process.stdout else ""
    if process.returncode != _DONE:
        console.stop(last or f"the backup's process ended with {process.returncode}", process.returncode)
    told: dict[str, Any] = json.loads(out)
    return told


@contextmanager
def _folder_claimed(data_dir: Path) -> Iterator[None]:
    """The data folder for this command alone: no `winnow up` runs on it meanwhile, or begins to."""
    try:
        plans = importlib.import_module("winnow.supervisor.plan")
    except ImportError:  # no Linux or macOS: there is no `winnow up` either
        yield
        return
    try:
        lock = plans.claim_folder(plans.Plan(data_dir=data_dir.absolute()))
    except plans.CannotStartError as error:
        console.stop(str(error), 2)
    with lock:
        yield


def _contents(told: dict[str, Any]) -> str:
    names = ("projects", "items", "decisions", "versions")
    return ", ".join(f"{told[name]:,} {name if told[name] != 1 else name[:-1]}" for name in names)


def _remarks(told: dict[str, Any]) -> None:
    for note in told["notes"]:
        console.remark(f"Note: {note}.")
