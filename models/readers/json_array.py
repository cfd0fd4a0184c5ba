"""A JSON array, read element by element: memory holds one element at a time, and a broken one does not end the reading.

Python's decoder reads one value at a known place of a text, so the text only has to hold one whole element. What does
not decode is stepped over: to the next line that begins like the elements before it, or, where the array is written
without line breaks, by counting brackets.
"""

import re
from collections.abc import Iterator

from models.readers.encodings import MARK
from models.readers.records import ReadOptions, Row, RowError, excerpt
from models.readers.values import DECODER, reason, row_of

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRUCTURE = re.compile(r'["\[\]{},]')
_STRING_REST = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_NEAR_END = 16


class Tape:
    """The part of a text that is in memory, with the line and column of its reading head.

    Attributes:
        text: what is in memory.
        at: the reading head in `text`.
        line: its line, from 1.
        column: its column, from 1.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks = chunks
        self.text = ""
        self.at = 0
        self.line = self.column = 1

    def more(self) -> bool:
        """Forget what is behind the head and take another chunk; False at the end of the file."""
        chunk = next(self._chunks, None)
        if chunk is None:
            return False
        self.text = self.text[self.at :] + chunk
        self.at = 0
        return True

    def go(self, to: int) -> None:
        """Move the head forward."""
        self.line, self.column = self.place(to)
        self.at = to

    def place(self, to: int) -> tuple[int, int]:
        """Line and column of an index at or after the head."""
        breaks = self.text.count("\n", self.at, to)
        if breaks:
            return self.line + breaks, to - self.text.rfind("\n", self.at, to)
        return self.line, self.column + to - self.at

    def space(self) -> str:
        """Step over white space and say what it was (its last 64 Ki characters)."""
        passed = ""
        while True:
            match = _SPACE.match(self.text, self.at)
            end = match.end() if match else self.at
            passed = (passed + self.text[self.at : end])[-65536:]
            self.go(end)
            if end < len(self.text) or not self.more():
                return passed

    def next(self) -> str:
        """The character under the head, empty at the end of the file."""
        return self.text[self.at : self.at + 1]


class JsonArrayRows:
    """The elements of a JSON array, one `Row` or `RowError` each."""

    def __init__(self, chunks: Iterator[str], encoding: str, options: ReadOptions) -> None:
        self._tape = Tape(chunks)
        self._encoding = encoding
        self._options = options
        self._indent: str | None = None
        self._fresh = True  # a value stands under the head, with no comma before it

    def __iter__(self) -> Iterator[Row | RowError]:
        tape = self._tape
        tape.space()
        if tape.next() != "[":
            yield self._here("not-json", "A JSON file should hold one array of objects, [{…}, {…}].")
            return
        tape.go(tape.at + 1)
        while True:
            first, self._fresh = self._fresh, False
            passed = tape.space()
            mark = tape.next()
            if not first and mark == ",":
                tape.go(tape.at + 1)
                passed = tape.space()
                mark = tape.next()
                if mark == "]":
                    yield self._here("not-json", "This is not valid JSON: a value should follow the comma.")
            elif not first and mark not in {"", "]"}:
                yield self._here("not-json", "This is not valid JSON: a comma should stand between two values.")
                if not self._step_over():
                    return
                continue
            if mark == "":
                message = "The file ends before its array is closed; it was probably not written or copied whole."
                yield self._here("cut-short", message)
                return
            if mark == "]":
                tape.go(tape.at + 1)
                tape.space()
                if tape.next():
                    yield self._here("not-json", "More follows after the end of the array; a JSON file is one array.")
                return
            _, breaks, indent = passed.rpartition("\n")
            if breaks or passed or not first:
                self._indent = indent if breaks else None
            outcome, usable = self._element()
            yield outcome
            if not usable:
                return

    def _element(self) -> tuple[Row | RowError, bool]:
        """The element under the head, and whether reading can go on after it."""
        tape, options = self._tape, self._options
        ended = False
        while True:
            try:
                value, end = DECODER.raw_decode(tape.text, tape.at)
            except (ValueError, RecursionError) as error:
                if ended or not self._cut_off(error):
                    return self._broken(error)
            else:
                if end < len(tape.text) or ended:
                    break
            if len(tape.text) - tape.at > options.max_row_chars:
                return self._too_long()
            ended = not tape.more()
        if end - tape.at > options.max_row_chars:
            return self._too_long()
        source, line, column = tape.text[tape.at : end], tape.line, tape.column
        flaw = source.find(MARK)
        if flaw >= 0:
            line, column = tape.place(tape.at + flaw)
            message = f"This value is not valid {self._encoding}; save the file in one encoding, or name it."
            tape.go(end)
            return RowError(line, column, "not-decodable", message, excerpt(source.replace(MARK, "\ufffd"))), True
        tape.go(end)
        return row_of(value, line, column, source, options), True

    def _cut_off(self, error: ValueError | RecursionError) -> bool:
        """Whether the decoder may only have met the end of what is in memory."""
        place = getattr(error, "pos", -1)
        return place >= len(self._tape.text) - _NEAR_END or str(error).startswith("Unterminated string")

    def _broken(self, error: ValueError | RecursionError) -> tuple[RowError, bool]:
        tape = self._tape
        line, column = tape.place(getattr(error, "pos", tape.at))
        source = excerpt(tape.text[tape.at : tape.at + 4096].replace(MARK, "\ufffd"))
        code, message = reason(error, self._options)
        usable = self._step_over()
        if not usable:
            message += " No further value was found after it."
        return RowError(line, column, code, message, source), usable

    def _too_long(self) -> tuple[RowError, bool]:
        tape = self._tape
        line, column, source = tape.line, tape.column, excerpt(tape.text[tape.at : tape.at + 4096])
        usable = self._step_over()
        message = f"The value is longer than {self._options.max_row_chars:,} characters; split or shorten it."
        return RowError(line, column, "row-too-long", message, source), usable

    def _here(self, code: str, message: str) -> RowError:
        tape = self._tape
        return RowError(tape.line, tape.column, code, message, excerpt(tape.text[tape.at : tape.at + 4096]))

    def _step_over(self) -> bool:
        """Move the head to the end of a broken element; False if the rest of the file went with it."""
        if self._indent is None:
            return self._by_brackets()
        return self._by_indent(self._indent)

    def _by_indent(self, indent: str) -> bool:
        """To the next line that begins like this element."""
        tape = self._tape
        start = re.compile("\n" + re.escape(indent) + r'(?=[{\["])')
        while True:
            match = start.search(tape.text, tape.at)
            if match is not None:
                tape.go(match.end())
                self._fresh = True
                return True
            tape.go(max(tape.at, len(tape.text) - len(indent) - 2))
            if not tape.more():
                return False

    def _by_brackets(self) -> bool:
        """To the comma or bracket that ends this element, by counting brackets outside strings."""
        tape, depth = self._tape, 0
        while True:
            match = _STRUCTURE.search(tape.text, tape.at)
            if match is None:
                tape.go(len(tape.text))
                if not tape.more():
                    return False
                continue
            mark = match.group()
            if depth == 0 and mark in ",]":
                tape.go(match.start())
                return True
            tape.go(match.end())
            if mark == '"':
                if not self._past_string():
                    return False
            elif mark in "[{":
                depth += 1
            elif mark in "]}":
                depth = max(depth - 1, 0)

    def _past_string(self) -> bool:
        """To behind the quote that ends the string; False at the end of the file."""
        tape = self._tape
        while True:
            match = _STRING_REST.match(tape.text, tape.at)
            end = match.end() if match else tape.at
            tape.go(end)
            if tape.next() == '"':
                tape.go(tape.at + 1)
                return True
            if not tape.more():  # the head stands at the end, or on a backslash whose partner is to come
                return False
