"""Plain text: one item a line."""

from collections.abc import Iterator

from models.readers.lines import Flaw
from models.readers.records import ReadOptions, Row, RowError, excerpt


def text_rows(lines: Iterator[str], flaws: list[Flaw], options: ReadOptions) -> Iterator[Row | RowError]:
    """One `Row` or `RowError` for each line that is not blank; the line is the field `text`."""
    longest = options.max_cell_chars
    for number, line in enumerate(lines, 1):
        if flaws:
            yield flaws[0].error(line)
            flaws.clear()
            continue
        text = line.removesuffix("\r")
        if not text or text.isspace():
            continue
        if len(text) > longest:
            message = f"The line is longer than {longest:,} characters; one item stands on each line."
            yield RowError(number, longest + 1, "cell-too-long", message, excerpt(text))
            continue
        yield Row(number, {"text": text}, text)
