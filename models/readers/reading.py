"""Files to records: the one way in for imports, previews and batch predictions."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

from models.errors import Invalid
from models.readers.columns import Columns, choose, columns_of, suggest
from models.readers.delimited import DelimitedRows
from models.readers.encodings import decoded
from models.readers.json_array import JsonArrayRows
from models.readers.json_lines import json_line_rows
from models.readers.layout import Layout, Source, named_format, survey
from models.readers.lines import Flaw, lines
from models.readers.own import ID, NOTE, is_own, plainly
from models.readers.own import LABEL as CATEGORY
from models.readers.own import TEXT as OWN_TEXT
from models.readers.parquet import is_parquet, kinds_of, parquet_rows
from models.readers.plain import text_rows
from models.readers.records import Format, Label, Preview, ReadOptions, Record, Row, RowError, Suggested, excerpt
from models.readers.streams import BrokenStream, blocks
from models.readers.tools import LABEL, tool_of
from models.readers.values import DECODER

_FIRST_ROWS = 200
_WHOLE_HEAD = 64 * 1024
_EXTERNAL_ID = "external_id"
_UNCHOSEN = Columns((), None, None)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was looked at and is ready to be read.

    Attributes:
        layout: how it is read.
        columns: its columns, as far as the first rows show.
        chosen: the columns taken for text, id and label.
        rows: every row, once, from the first.
        kinds: what Parquet keeps in each column, where the file is Parquet.
        headings: the columns as the header of a delimited file spells them.
        shown: the columns that rows have once they are plain, where those are not the file's own.
        note: what is particular about the file; None where nothing is.
    """

    layout: Layout
    columns: list[str]
    chosen: Columns
    rows: Iterator[Row | RowError]
    kinds: Mapping[str, str] = field(default_factory=dict)
    headings: Sequence[str] = ()
    shown: Sequence[str] = ()
    note: str | None = None


def read(path: Path, filename: str, options: ReadOptions, *, skip: int = 0) -> Iterator[Record | RowError]:
    """Every row of a file, in order, as a record or as the error that set it aside.

    Memory does not grow with the file. A file that becomes unreadable part of the way ends with an error that says so;
    what came before is kept.

    Args:
        path: the file.
        filename: the name it had where it came from; its suffix hints at the format.
        options: what the caller knows about it.
        skip: so many outcomes were taken before: they are passed over without being built.

    Raises:
        Invalid: at the call, if nothing of the file can be read: it is empty, binary, a bomb, or lacks a
            column that was asked for.
    """
    return records(open_rows(lambda: path.open("rb"), filename, options), options, skip=skip)


def records(opened: Opened, options: ReadOptions, *, skip: int = 0) -> Iterator[Record | RowError]:
    """As `read`, of a file that was opened with the same options."""
    builder = Builder(opened.chosen, options)
    return map(builder.build, islice(opened.rows, skip, None))


def preview(head: bytes, filename: str, options: ReadOptions, rows: int = 20) -> Preview:
    """What the first rows look like, from the first part of a file (at most 1 MB of it is enough).

    Raises:
        Invalid: as for `read`.
    """
    opened = open_rows(lambda: BytesIO(head), filename, options)
    first = list(islice(opened.rows, rows))
    if len(first) < rows and len(head) >= _WHOLE_HEAD and first and isinstance(first[-1], RowError):
        first.pop()  # the head may end in the middle of a row
    builder = Builder(opened.chosen, options)
    fields = [row.fields for row in first if isinstance(row, Row)]
    outcomes = [builder.build(row) for row in first]
    names, chosen = list(opened.shown or opened.columns), opened.chosen
    found = suggest(names, fields)
    if opened.shown:
        found = Suggested(chosen.text_fields, chosen.id_field, chosen.label_field)
    layout = opened.layout
    errors = [outcome for outcome in outcomes if isinstance(outcome, RowError)]
    return Preview(
        layout.format,
        layout.encoding,
        layout.delimiter,
        layout.compressed,
        names,
        found,
        fields,
        errors,
        opened.note,
    )


def open_rows(source: Source, filename: str, options: ReadOptions) -> Opened:
    """Look at a file and make it ready to be read, row by row.

    Raises:
        Invalid: as for `read`.
    """
    if _asks_for_parquet(source, options):
        kinds = kinds_of(source, options)
        layout = Layout(Format.PARQUET, "utf-8", "\n", None, compressed=False)
        rows = parquet_rows(source, options)
        first = _first(rows, options.max_row_chars)
        if is_own(kinds):
            return _own(Opened(layout, list(kinds), _UNCHOSEN, rows, kinds), first, options)
        fields = [row.fields for row in first if isinstance(row, Row)]
        chosen = choose(list(kinds), fields, options, complete=True)
        return Opened(layout, list(kinds), chosen, chain(first, rows), kinds)
    layout = survey(source, filename, options)
    names, parsed = _parsed(source, layout, options)
    headings = parsed.headings if isinstance(parsed, DelimitedRows) else ()
    rows = _to_the_end(parsed)
    first = _first(rows, options.max_row_chars)
    fields = [row.fields for row in first if isinstance(row, Row)]
    tool = tool_of(layout.format, fields, options)
    if tool is None and (is_own(names) if names is not None else bool(fields) and all(map(is_own, fields))):
        there = columns_of(fields) if names is None else names
        return _own(Opened(layout, there, _UNCHOSEN, rows, headings=headings), first, options)
    rest = next(rows, None)
    complete = names is not None or rest is None
    rows = chain(first, () if rest is None else (rest,), rows)
    if tool is not None:
        plain = tool.plain
        rows = (row if isinstance(row, RowError) else plain(row, options) for row in rows)
        first = list(islice(rows, len(first)))
        rows = chain(first, rows)
        names, complete, layout = None, False, replace(layout, format=tool.format)
    fields = [row.fields for row in first if isinstance(row, Row)]
    names = columns_of(fields) if names is None else names
    if tool is None:
        chosen = choose(names, fields, options, complete=complete)
        return Opened(layout, names, chosen, rows, headings=headings)
    chosen = choose(names, fields, replace(options, label_field=None), complete=False)
    label = options.label_field if options.label_field in names else LABEL
    ids = chosen.id_field or (_EXTERNAL_ID if _EXTERNAL_ID in names else None)
    return Opened(layout, names, Columns(chosen.text_fields, ids, label), rows)


def _own(opened: Opened, first: list[Row | RowError], options: ReadOptions) -> Opened:
    """An export of Winnow, made ready.

    Args:
        opened: the file, of which the first rows were taken off.
    """
    cells = opened.layout.delimiter is not None
    shown = _shown(first, plainly((), options, cells=cells))
    asked = {*options.text_fields, options.id_field, options.label_field}.difference(shown)
    plain = plainly([name for name in opened.columns if name in asked], options, cells=cells)
    shown = _shown(first, plain)
    named = replace(options, text_fields=options.text_fields or (OWN_TEXT,))
    chosen = choose(shown, [], named, complete=True)
    return replace(
        opened,
        chosen=Columns(chosen.text_fields, options.id_field or ID, options.label_field or CATEGORY),
        rows=(row if isinstance(row, RowError) else plain(row) for row in chain(first, opened.rows)),
        shown=shown,
        note=NOTE,
    )


def _shown(first: Iterable[Row | RowError], plain: Callable[[Row], Row | RowError]) -> list[str]:
    made = [plain(row) for row in first if isinstance(row, Row)]
    return columns_of([row.fields for row in made if isinstance(row, Row)])


def _asks_for_parquet(source: Source, options: ReadOptions) -> bool:
    asked = named_format(options.format) if options.format else None
    there = is_parquet(source)
    if asked is Format.PARQUET and not there:
        raise Invalid("This is no Parquet file; leave the format out to have it found out.")
    return there and asked in {None, Format.PARQUET}


def _parsed(source: Source, layout: Layout, options: ReadOptions) -> tuple[list[str] | None, Iterable[Row | RowError]]:
    """The columns, where the file names them at its beginning, and the rows."""
    flaws: list[Flaw] = []
    chunks = _chunks(source, layout, options)
    if layout.format is Format.JSON:
        return None, iter(JsonArrayRows(chunks, layout.encoding, options))
    physical = lines(
        chunks,
        newline=layout.newline,
        max_chars=options.max_row_chars,
        encoding=layout.encoding,
        flaws=flaws,
    )
    if layout.delimiter is not None:
        parsed = DelimitedRows(
            physical,
            flaws,
            delimiter=layout.delimiter,
            encoding=layout.encoding,
            options=options,
            announced=layout.announced,
        )
        return parsed.columns, parsed
    if layout.format is Format.JSONL:
        return None, json_line_rows(physical, flaws, options)
    return ["text"], text_rows(physical, flaws, options)


def _chunks(source: Source, layout: Layout, options: ReadOptions) -> Iterator[str]:
    with source() as file:
        yield from decoded(blocks(file, options), layout.encoding)


def _to_the_end(rows: Iterable[Row | RowError]) -> Iterator[Row | RowError]:
    """The rows, and where the file breaks off, an error that says so."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except BrokenStream as error:
        yield RowError(line + 1, 1, error.code, error.detail, "")


def _first(rows: Iterator[Row | RowError], chars: int) -> list[Row | RowError]:
    """The first rows: enough to choose columns by, not more than one long row's worth of memory."""
    first: list[Row | RowError] = []
    for row in rows:
        first.append(row)
        chars -= len(row.source) if isinstance(row, Row) else len(row.row)
        if len(first) >= _FIRST_ROWS or chars < 0:
            break
    return first


class Builder:
    """Makes records of rows, or says why it cannot."""

    def __init__(self, chosen: Columns, options: ReadOptions) -> None:
        self._chosen, self._options = chosen, options

    def build(self, row: Row | RowError) -> Record | RowError:
        """The row's record; errors are handed through."""
        if isinstance(row, RowError):
            return row
        fields, chosen, options = row.fields, self._chosen, self._options
        if len(chosen.text_fields) == 1:
            text = _words(fields.get(chosen.text_fields[0]))
        else:
            text = "\n".join(filter(None, [_words(fields.get(name)) for name in chosen.text_fields]))
        if not text or text.isspace():
            where = ", ".join(chosen.text_fields) or "text"
            return self._error(row, "empty-text", f"There is no text under {where[:200]}.")
        if len(text) > options.max_text_chars:
            message = f"The text has {len(text):,} characters; at most {options.max_text_chars:,} are taken."
            return self._error(row, "text-too-long", message)
        external_id = label = None
        if chosen.id_field is not None:
            external_id = _words(fields.get(chosen.id_field)).strip() or None
        if chosen.label_field is not None:
            label = _label(fields.get(chosen.label_field))
        longest = options.max_id_chars
        labels = (label,) if isinstance(label, str) else label or ()
        if (external_id and len(external_id) > longest) or any(len(one) > longest for one in labels):
            return self._error(row, "id-too-long", f"The id or the label has more than {longest} characters.")
        kept = fields if row.kept is None else row.kept
        return Record(row.line, text, kept, external_id, label, len(row.source))

    def _error(self, row: Row, code: str, message: str) -> RowError:
        return RowError(row.line, 1, code, message, excerpt(row.source.rstrip("\r\n")), row.fields)


def _label(value: Any) -> Label | None:
    """What a row is labelled with: several where the format holds a list of them.

    Label Studio writes what was chosen as `{"choices": [...]}` where that is more than one.
    """
    if isinstance(value, str):
        value = _unfolded(value.strip())
    if isinstance(value, str):
        return value or None
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        value = value["choices"]
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        words = (_words(one).strip() for one in value)
        return tuple(dict.fromkeys(word for word in words if word)) or None
    return _words(value) or None


def _unfolded(word: str) -> Any:
    """The list that a cell holds as JSON, which is how our own CSV and Label Studio's keep several; else the word."""
    if not word.startswith(("[", "{")):
        return word
    try:
        value = DECODER.decode(word)
    except (ValueError, RecursionError):
        return word
    given = value.get("choices") if isinstance(value, dict) else value
    return given if isinstance(given, list) and all(isinstance(one, str) for one in given) else word


def _words(value: Any) -> str:
    """A value as text: strings as they are, nothing as nothing, the rest as JSON writes it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
