"""What the operator sees of a run."""

from __future__ import annotations

from contextlib import suppress

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table


class Board:
    """Says things on the terminal, or as plain lines where there is none.

    Nothing depends on being heard: the disk that the lines go to may be full, whoever read them may be gone.

    Args:
        console: where to; the standard output if left out.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)

    def done(self, text: str) -> None:
        """A step of the start that is done."""
        self._say(f"[green]✓[/] {escape(text)}")

    def note(self, text: str) -> None:
        """Something to know."""
        self._say(f"[dim]·[/] {escape(text)}")

    def warn(self, text: str) -> None:
        """Something that went wrong and is being dealt with."""
        self._say(f"[yellow]![/] {escape(text)}")

    def line(self, name: str, text: str) -> None:
        """A line of a process's log."""
        self._say(f"[cyan]{escape(name)}[/] {escape(text)}")

    def welcome(self, facts: dict[str, str]) -> None:
        """The addresses and, once, the password, which must be heard: raises OSError where it cannot be."""
        table = Table.grid(padding=(0, 2))
        for name, value in facts.items():
            table.add_row(f"[bold]{escape(name)}[/]", escape(value))
        if self._console.is_terminal:
            self._console.print(Panel(table, title="Winnow is running", expand=False))
        else:
            self._console.print("Winnow is running")
            for name, value in facts.items():
                self._console.print(f"  {escape(name):<10} {escape(value)}")

    def _say(self, text: str) -> None:
        with suppress(OSError, SystemExit):  # the latter is how rich takes a pipe that nobody reads
            self._console.print(text)
