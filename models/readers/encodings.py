"""Which encoding a file is in, and its bytes as text with a mark where they do not decode."""

import codecs
from collections.abc import Iterable, Iterator
from functools import cache

import charset_normalizer
from charset_normalizer.constant import IANA_SUPPORTED

from models.errors import Invalid

MARK = "\udcff"
"""Stands in decoded text for bytes that do not decode. No encoding yields a lone surrogate by itself."""

_MARKING = "winnow-mark"
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# not encodings of files, or ones whose decoders give lone surrogates for valid input
_REFUSED = frozenset({"utf-7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
_WESTERN = frozenset("äöüßÄÖÜéèêëÉÈàâÀçÇîïôûùœæñÑáíóúÁÍÓÚãõåøÆØÅ¿¡“”\u2018\u2019„\u2013—…•€£°§«»©®\xa0")
_MANY_LINES = 10
_GUESS_BYTES = 32 * 1024
_SHORT = 64


def _mark(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return MARK, error.end
    raise error


codecs.register_error(_MARKING, _mark)


def named(encoding: str, head: bytes) -> str:
    """The encoding that a person named, made definite by the byte order mark where the name leaves it open.

    Raises:
        Invalid: there is no such text encoding.
    """
    try:
        name = codecs.lookup(encoding.strip()).name
        "".encode(name)
        b"".decode(name)
    except (LookupError, ValueError, UnicodeError):
        name = ""
    if not name or name in _REFUSED:
        raise Invalid(f"There is no text encoding named {encoding[:40]!r}; try utf-8, utf-16 or cp1252.")
    if name == "utf-8-sig":
        return "utf-8"
    if name in {"utf-16", "utf-32"}:
        marked = by_mark(head)
        return marked if marked and marked.startswith(name) else f"{name}-le"
    return name


def by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark at the start of the file names."""
    return next((name for mark, name in _BOMS if head.startswith(mark)), None)


def by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: mostly Western text has a zero in every other byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half and odd > 0.4 * half and even < 0.05 * half:
        return "utf-16-le"
    if half and even > 0.4 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def by_lines(not_ascii: list[bytes], lines: int) -> str:
    """UTF-8, or the legacy encoding that a whole file is in.

    A few lines that are not UTF-8 in a file that is are faults of those lines, to be set aside with their numbers;
    only when such lines are many, or a good part of a small file, and hardly any other line is proper UTF-8, is the
    file itself in another encoding.

    Args:
        not_ascii: lines with a byte above 127.
        lines: how many lines there are altogether.
    """
    bad = [line for line in not_ascii if not _is_utf8(line)]
    proper = len(not_ascii) - len(bad)
    if not bad or proper * 10 > len(bad) or not (len(bad) >= _MANY_LINES or len(bad) * 3 > lines):
        return "utf-8"
    sample = b"\n".join(bad)[:_GUESS_BYTES]
    if _looks_western(sample):
        return "cp1252"
    best = charset_normalizer.from_bytes(sample, cp_exclusion=_not_ascii_below()).best()
    return "utf-8" if best is None else codecs.lookup(best.encoding).name


def _looks_western(sample: bytes) -> bool:
    """Whether Windows-1252 makes it text with some accents: short samples mislead a general guesser here."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    accents = [char for char in text if not char.isascii()]
    usual = sum(char in _WESTERN for char in accents)
    most = 0.25 * len(text) if len(text) > _SHORT else 0.5 * len(text)
    return usual >= 0.8 * len(accents) and len(accents) <= most


@cache
def _not_ascii_below() -> list[str]:
    """Encodings in which ASCII is something else, such as UTF-16 without a mark and EBCDIC.

    The lines without a byte above 127 have been read as ASCII, and a guesser takes any two bytes for a character.
    """
    ascii_text = bytes(range(32, 127))
    return [name for name in IANA_SUPPORTED if ascii_text.decode(name, "replace") != ascii_text.decode("ascii")]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def decoded(data: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Blocks of bytes as blocks of text, `MARK` for what does not decode; the byte order mark is dropped."""
    decoder = codecs.getincrementaldecoder(encoding)(_MARKING)
    started = False
    for block in data:
        text = decoder.decode(block)
        if not text:
            continue
        yield text if started else text.removeprefix("\ufeff")
        started = True
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest
