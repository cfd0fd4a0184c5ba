"""Text in physical lines: numbered, bounded in length, with a note on each line that cannot be trusted."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from models.readers.encodings import MARK
from models.readers.records import RowError, excerpt

TOO_LONG = "\udcfe"
"""Stands for a line that is longer than a row may be; its content is dropped."""


class Flaw(NamedTuple):
    """Why a line cannot be trusted, and where."""

    line: int
    column: int
    code: str
    message: str

    def error(self, source: str) -> RowError:
        """The flaw as the fault of the row that has it."""
        return RowError(self.line, self.column, self.code, self.message, excerpt(source.replace(MARK, "\ufffd")))


def flaw_of(text: str, line: int, encoding: str) -> Flaw | None:
    """The first flaw of one line, or None."""
    if MARK in text:
        message = f"This line is not valid {encoding}; save the file in one encoding, or name the encoding it is in."
        return Flaw(line, text.index(MARK) + 1, "not-decodable", message)
    if "\x00" in text:
        return Flaw(line, text.index("\x00") + 1, "nul-character", "A NUL character stands here; remove it.")
    if text == TOO_LONG:
        return Flaw(line, 1, "row-too-long", "This line is longer than a row may be; split or shorten it.")
    return None


def lines(chunks: Iterable[str], *, newline: str, max_chars: int, encoding: str, flaws: list[Flaw]) -> Iterator[str]:
    """Lines without their ends. The flaws of a line are in `flaws` by the time the line is given.

    Args:
        chunks: the text in pieces.
        newline: what ends a line: a line feed (a carriage return before it stays), or a carriage return alone.
        max_chars: longest line; a longer one is given as `TOO_LONG`, read past in bounded memory.
        encoding: named in messages.
        flaws: takes the flaws; the caller empties it.
    """
    count, carry, dropping = 0, "", False
    for chunk in chunks:
        parts = (carry + chunk).split(newline)
        if dropping and len(parts) > 1:
            parts[0], dropping = TOO_LONG, False
        carry = "" if dropping else parts.pop()
        if dropping:
            continue
        if len(carry) > max_chars:
            carry, dropping = "", True
        if _suspicious(chunk, parts, max_chars):
            for number, part in enumerate(parts, count + 1):
                line = TOO_LONG if len(part) > max_chars else part
                if flaw := flaw_of(line, number, encoding):
                    flaws.append(flaw)
                yield line
        else:
            yield from parts
        count += len(parts)
    if dropping:
        carry = TOO_LONG
    if carry:
        if flaw := flaw_of(carry, count + 1, encoding):
            flaws.append(flaw)
        yield carry


def _suspicious(chunk: str, parts: list[str], max_chars: int) -> bool:
    """Whether any of these lines may have a flaw. The first may have begun in an earlier chunk."""
    if MARK in chunk or "\x00" in chunk or len(chunk) > max_chars:
        return True
    first = parts[0] if parts else ""
    return len(first) > max_chars or first == TOO_LONG or MARK in first or "\x00" in first
