"""What the command writes: results to the standard output, all else to the standard error."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from winnow.client import Client
    from winnow.schemas import Job

results = Console(highlight=False, soft_wrap=True)
remarks = Console(stderr=True, highlight=False, soft_wrap=True)


def write_json(value: object) -> None:
    """Writes one JSON document."""
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n")


def remark(text: str) -> None:
    """A line for people on the standard error."""
    remarks.print(escape(text))


def stop(sentence: str, code: int = 1) -> NoReturn:
    """Says why the command cannot go on, and ends it."""
    remarks.print(f"[red]winnow:[/] {escape(sentence)}")
    raise SystemExit(code)


def sentence_for(error: OSError) -> str:
    """What to tell people about a file that cannot be read or written."""
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


def writable(path: Path | None) -> Path | None:
    """The path, once it is sure that a file can be written there: said before the work, not after it."""
    if path is None or (path.exists() and not path.is_dir()):
        return path
    if path.is_dir():
        stop(f"{path} is a folder. Name a file.", 2)
    if not path.parent.is_dir():
        stop(f"{path} cannot be written: there is no folder {path.parent}.", 2)
    return path


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a table."""
    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        drawn.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    results.print(drawn)


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar on the standard error; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=remarks, transient=True, disable=not remarks.is_terminal) as bar:
        yield bar


def wait_with_bar(client: Client, job_id: str, text: str) -> Job:
    """Waits for a job behind a progress bar. Raises like `Client.wait`."""
    with progress() as bar:
        return client.wait(job_id, on_progress=progress_of(bar, text))


def progress_of(bar: Progress, text: str) -> Callable[[Job], None]:
    """A function that shows a job on a new line of a bar."""
    line = bar.add_task(text, total=None)
    return lambda job: bar.update(line, completed=job.progress.done, total=job.progress.total)


def per_cent(share: float | None) -> str:
    """`0.934` as `93.4 %`; `-` where there is nothing."""
    return "-" if share is None else f"{100 * share:.1f} %"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {name: _plain(element) for name, element in value.items()}
    return value
