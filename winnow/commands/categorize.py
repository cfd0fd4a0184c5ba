"""Files of any size, on this machine or on a Ray cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from winnow import console

if TYPE_CHECKING:
    from winnow.access import Access


def categorize(
    context: typer.Context,
    *,
    source: Annotated[
        str, typer.Argument(help="File, folder or pattern, e.g. records/*.parquet or s3://bucket/records.")
    ],
    destination: Annotated[str, typer.Argument(help="Folder of the results, here or on such a store.")],
    version: Annotated[int, typer.Option(help="Which version answers; 0 for the categories' names and descriptions.")],
    project: Annotated[str | None, typer.Option(help="Its slug, where there are several projects.")] = None,
    address: Annotated[str | None, typer.Option(help="A Ray cluster's address; this machine if left out.")] = None,
    workers: Annotated[int | None, typer.Option(help="Most actors; as many as processors if left out.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, jsonl or parquet; as the source if left out.")] = None,
    text_field: Annotated[
        list[str] | None, typer.Option("--text-field", help="Column of the text; several times for several columns.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="E.g. utf-8 or cp1252; found out if left out.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="What stands between columns; found out if left out.")] = None,
    part_rows: Annotated[int, typer.Option(help="Rows of each file of the results.")] = 5_000,
) -> None:
    """Answer files of any size by Ray Data, where the database can be reached; goes on where it was stopped."""
    access: Access = context.obj
    given = {
        "--version": version,
        "--project": project,
        "--address": address,
        "--workers": workers,
        "--format": format,
        "--encoding": encoding,
        "--delimiter": delimiter,
        "--part-rows": part_rows,
    }
    options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
    options += [text for name in text_field or () for text in ("--text-field", name)]
    command = [sys.executable, "-m", "worker.categorize", *options, "--", source, destination]
    environment = {**os.environ, "WINNOW_DATA_DIR": str(access.data_dir)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise typer.Exit(done.returncode)
    console.results.print(done.stdout.strip(), soft_wrap=True, highlight=False)
