"""Data in and out: files, items, exports."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from winnow.calls.operations import OperationCalls
from winnow.connection import new_key, v1
from winnow.errors import NoFile
from winnow.parsing import S, told
from winnow.schemas import Added, Import, ImportStarted, Item, ItemsPage, Job, Preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import BinaryIO

    Source = str | Path | BinaryIO | bytes

_ACCEPTED = 202


class FileOptions(TypedDict, total=False):
    """How to read a file; what is left out is found out from the file itself."""

    format: str | None
    text_fields: Sequence[str] | None
    id_field: str | None
    label_field: str | None
    encoding: str | None
    delimiter: str | None


class ItemFilters(TypedDict, total=False):
    """Which items: `q` words, `like` nearest in meaning to a text or item id, `reviewer` who decided, and so on."""

    q: str | None
    like: str | None
    category: str | None
    state: str | None
    min_confidence: float | None
    max_confidence: float | None
    sort: str | None
    reviewer: str | None
    since: datetime | None
    until: datetime | None
    limit: int | None


def _asked(filters: ItemFilters) -> dict[str, Any]:
    """Filters as they stand in an address."""
    asked: dict[str, Any] = dict(filters)
    for bound in ("since", "until"):
        if asked.get(bound) is not None:
            asked[bound] = asked[bound].isoformat()
    return asked


class DataCalls(OperationCalls):
    """Calls that bring records in and out."""

    def import_file(
        self, slug: str, file: Source, *, filename: str | None = None, **options: Unpack[FileOptions]
    ) -> ImportStarted:
        """Sends a file as it is, piece by piece: text, CSV, TSV, JSON, JSON Lines (each also gzipped) or Parquet.

        Label Studio's tasks, Prodigy's examples and fastText's lines are read too.

        Args:
            slug: the project.
            file: a path, an open binary file, or bytes.
            filename: what to call it; taken from the path where there is one.
            **options: how to read it.

        Returns:
            The import and the job that reads it; `wait(job_id)` waits for its end.
        """
        return self._send_file(v1("projects", slug, "imports"), ImportStarted, file, filename, options)

    def preview_import(self, slug: str, head: bytes, filename: str, **options: Unpack[FileOptions]) -> Preview:
        """The first rows of a file as Winnow would read them; `head` is its first megabyte at most."""
        path = v1("projects", slug, "imports", "preview")
        return self._upload(path, Preview, filename, head, form=dict(options), key=new_key())

    def imports(self, slug: str) -> list[Import]:
        """The imports of a project, newest first."""
        return list(self._pages(v1("projects", slug, "imports"), Import))

    def import_status(self, slug: str, import_id: str) -> Import:
        """One import and how many rows were read, added, known already, and rejected."""
        return self._get(v1("projects", slug, "imports", import_id), Import)

    def import_rejects(self, slug: str, import_id: str) -> str:
        """The rejected rows as CSV with the columns `line,reason,row`; see `download_rejects` for many."""
        return self._read("GET", v1("projects", slug, "imports", import_id, "rejects")).text

    def download_rejects(self, slug: str, import_id: str) -> Iterator[bytes]:
        """The same as a stream of bytes, for files of which a great many rows were rejected."""
        return self._download(v1("projects", slug, "imports", import_id, "rejects"))

    def add_items(self, slug: str, items: Sequence[str | Mapping[str, Any]]) -> Added:
        """Adds up to 1,000 items: texts, or objects with `id`, `text`, `fields`, `category`."""
        body = {"items": [item_body(item) for item in items]}
        return self._post(v1("projects", slug, "items"), Added, body, key=new_key())

    def items(self, slug: str, **filters: Unpack[ItemFilters]) -> Iterator[Item]:
        """Every item that the filters let through, fetched page by page."""
        return self._pages(v1("projects", slug, "items"), Item, **_asked(filters))

    def items_page(self, slug: str, *, cursor: str | None = None, **filters: Unpack[ItemFilters]) -> ItemsPage:
        """One page of items; `cursor` is the `next_cursor` of the page before."""
        return self._get(v1("projects", slug, "items"), ItemsPage, cursor=cursor, **_asked(filters))

    def item(self, slug: str, item_id: str) -> Item:
        """One item with its prediction, decisions, neighbours and the words that weigh most."""
        return self._get(v1("projects", slug, "items", item_id), Item)

    def delete_item(self, slug: str, item_id: str) -> None:
        """Erases an item everywhere."""
        self._delete(v1("projects", slug, "items", item_id))

    def predict_batch(
        self, slug: str, file: Source, *, filename: str | None = None, **options: Unpack[FileOptions]
    ) -> Job:
        """Sends a file to be categorised; `download(job)` gives the same rows with the answers."""
        return self._send_file(v1("projects", slug, "predict", "batch"), Job, file, filename, options)

    def export(self, slug: str, format: str = "csv", *, state: str | None = None) -> Iterator[bytes]:
        """Every item with its final category and prediction, as a stream of bytes.

        `format` is `csv`, `jsonl`, `parquet`, `label-studio`, `prodigy` or `fasttext`. A project too large to stream
        is written by a job first; this waits for it.
        """
        params = {"format": format, "state": state}
        with self._stream("GET", v1("projects", slug, "export"), params=params) as response:
            if response.status_code != _ACCEPTED:
                yield from self._bytes_of(response)
                return
            job = told(response, Job)
        yield from self.download(self.wait(job.id))

    def download(self, job: Job) -> Iterator[bytes]:
        """The file that a finished job made, as a stream of bytes.

        Raises:
            NoFile: where it has none, or none yet.
        """
        url = (job.result or {}).get("url")
        if not isinstance(url, str):
            raise NoFile(job)
        yield from self._download(url)

    def _send_file(self, path: str, schema: type[S], file: Source, filename: str | None, options: FileOptions) -> S:
        with ExitStack() as stack:
            if isinstance(file, str | Path):
                filename = filename or Path(file).name
                file = stack.enter_context(Path(file).open("rb"))
            elif not isinstance(file, bytes):
                filename = filename or Path(str(getattr(file, "name", "upload"))).name
            if not isinstance(file, bytes) and not file.seekable():
                # What comes through a pipe has no length that could be told beforehand, and comes only once.
                kept = stack.enter_context(TemporaryFile())
                shutil.copyfileobj(file, kept)
                kept.seek(0)
                file = kept
            form = dict(options)
            return self._upload(path, schema, filename or "upload", file, form=form, key=new_key())


def item_body(item: str | Mapping[str, Any]) -> dict[str, Any]:
    """An item as the API takes it: a bare text becomes an object."""
    return {"text": item} if isinstance(item, str) else dict(item)
