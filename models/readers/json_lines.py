"""JSON Lines: a JSON object on each line."""

from collections.abc import Iterator

from models.readers.lines import Flaw
from models.readers.records import ReadOptions, Row, RowError, excerpt
from models.readers.values import DECODER, reason, row_of


def json_line_rows(lines: Iterator[str], flaws: list[Flaw], options: ReadOptions) -> Iterator[Row | RowError]:
    """One `Row` or `RowError` for each line that is not blank."""
    decode = DECODER.decode
    for number, line in enumerate(lines, 1):
        if flaws:
            yield flaws[0].error(line)
            flaws.clear()
            continue
        if not line or line.isspace():
            continue
        try:
            value = decode(line)
        except (ValueError, RecursionError) as error:
            column = getattr(error, "pos", len(line) - len(line.lstrip())) + 1
            yield RowError(number, column, *reason(error, options), excerpt(line))
            continue
        yield row_of(value, number, 1, line, options)
