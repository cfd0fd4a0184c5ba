"""Records in and out: import, predict, export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from winnow.access import Access
    from winnow.calls.data import FileOptions
    from winnow.client import Client

Project = Annotated[str, typer.Argument(help="Slug of the project, e.g. bbc-news.")]
FileArgument = Annotated[
    Path,
    typer.Argument(help="Text, CSV, TSV, JSON, JSON Lines (also gzipped) or Parquet.", exists=True, dir_okay=False),
]
Format = Annotated[
    str | None,
    typer.Option(
        help="text, csv, tsv, json, jsonl, parquet, label-studio, prodigy or fasttext; found out if left out."
    ),
]
TextField = Annotated[
    list[str] | None, typer.Option("--text-field", help="Column of the text; several times for several columns.")
]
IdField = Annotated[str | None, typer.Option(help="Column of your own id.")]
LabelField = Annotated[str | None, typer.Option(help="Column of the category, where rows have one.")]
Encoding = Annotated[str | None, typer.Option(help="E.g. utf-8 or cp1252; found out if left out.")]
Delimiter = Annotated[str | None, typer.Option(help="What stands between columns; found out if left out.")]


def import_(
    context: typer.Context,
    *,
    project: Project,
    file: FileArgument,
    format: Format = None,
    text_field: TextField = None,
    id_field: IdField = None,
    label_field: LabelField = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    rejects: Annotated[Path | None, typer.Option(help="Write the rejected rows to this CSV file.")] = None,
) -> None:
    """Bring a file of records into a project."""
    access: Access = context.obj
    console.writable(rejects)
    with access.client() as client:
        started = client.import_file(
            project,
            file,
            format=format,
            text_fields=text_field,
            id_field=id_field,
            label_field=label_field,
            encoding=encoding,
            delimiter=delimiter,
        )
        console.wait_with_bar(client, started.job_id, f"Importing {file.name}")
        done = client.import_status(project, started.id)
        if rejects is not None and done.rows_rejected:
            _write(client.download_rejects(project, started.id), rejects)
    if access.as_json:
        console.write_json(done)
        return
    console.results.print(
        f"{done.rows_read} rows read: {done.rows_added} added, {done.rows_duplicate} known already, "
        f"{done.rows_rejected} rejected"
    )
    if done.note:
        console.remark(done.note)
    if done.rows_rejected:
        where = rejects or "with the option --rejects FILE"
        console.remark(f"The rejected rows, with line and reason: {where}")


def predict(
    context: typer.Context,
    *,
    project: Project,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to categorise.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Categorise a file instead.", exists=True, dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where the file's answers go.")] = None,
    format: Format = None,
    text_field: TextField = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    top: Annotated[int, typer.Option(min=1, help="How many categories to name.")] = 3,
    model_version: Annotated[int | None, typer.Option(help="Ask this version, not the serving one.")] = None,
) -> None:
    """Ask for the categories of texts, or of every row of a file."""
    access: Access = context.obj
    if (file is None) == (not texts):
        console.stop("Give texts, or a file with --file, but not both.", 2)
    if out is not None and file is None:
        console.stop("--out is for the answers to a file: give it with --file.", 2)
    if file is None and (format or text_field or encoding or delimiter):
        console.stop(
            "--format, --text-field, --encoding and --delimiter say how to read a file: give one with --file.", 2
        )
    console.writable(out)
    with access.client() as client:
        if file is not None:
            reading: FileOptions = {
                "format": format,
                "text_fields": text_field,
                "encoding": encoding,
                "delimiter": delimiter,
            }
            _told(access, out, _predict_file(client, project, file, out, reading))
            return
        answer = client.predict(project, texts or [], top_k=top, model_version=model_version)
    if access.as_json:
        console.write_json(answer)
        return
    rows = [
        (
            prediction.category,
            console.per_cent(prediction.confidence),
            prediction.decision,
            ", ".join(f"{other.category} {console.per_cent(other.confidence)}" for other in prediction.top[1:]),
            text,
        )
        for text, prediction in zip(texts or [], answer.predictions, strict=True)
    ]
    console.table(("category", "confidence", "decision", "else", "text"), rows)
    console.remark(f"Answered by version {answer.model_version}.")


def export(
    context: typer.Context,
    *,
    project: Project,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to; the standard output if left out.")] = None,
    format: Annotated[str, typer.Option(help="csv, jsonl, parquet, label-studio, prodigy or fasttext.")] = "csv",
    state: Annotated[str | None, typer.Option(help="undecided, decided or flagged; all if left out.")] = None,
) -> None:
    """Write every item with its final category and prediction."""
    access: Access = context.obj
    with access.client() as client:
        size = _write(client.export(project, format, state=state), console.writable(out))
    _told(access, out, size)


def _told(access: Access, out: Path | None, size: int) -> None:
    if access.as_json and out is not None:
        console.write_json({"file": str(out), "bytes": size})


def _predict_file(client: Client, project: str, file: Path, out: Path | None, reading: FileOptions) -> int:
    started = client.predict_batch(project, file, **reading)
    done = console.wait_with_bar(client, started.id, f"Categorising {file.name}")
    return _write(client.download(done), out)


def _write(pieces: Iterator[bytes], out: Path | None) -> int:
    """Writes a stream to a file, which appears whole or not at all, to a device or pipe, or to the standard output."""
    if out is None:
        return sum(sys.stdout.buffer.write(piece) for piece in pieces)
    if out.is_symlink() or (out.exists() and not out.is_file()):  # as /dev/null: it stays what it is
        with out.open("wb") as target:
            return sum(target.write(piece) for piece in pieces)
    staged = out.with_name(f".{out.name}.part")
    try:
        with staged.open("wb") as target, console.progress() as bar:
            line = bar.add_task(f"Writing {out.name}", total=None)
            for piece in pieces:
                target.write(piece)
                bar.update(line, advance=len(piece))
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)
    console.remark(f"Written: {out}")
    return out.stat().st_size
