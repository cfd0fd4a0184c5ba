"""Text as the machines see it: one normal form, one fingerprint, one way to word a category."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

FINGERPRINT_BYTES = 16

LONGEST_WORD = 64
MOST_WORDS = 50_000

_WORD = re.compile(r"[^\W_]+")
_ASCII_RUNS = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)).ljust(256, b" ")
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)")
_SEPARATORS = re.compile(r"[_/\s]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def normalise(text: str) -> str:
    """The form in which two texts count as the same.

    Compatibility characters (full-width letters, ligatures) are unified, case is folded and every run of
    white space becomes one space. This is Unicode's compatibility caseless matching, so the result is
    stable: to normalise twice changes nothing.

    Args:
        text: any string, also an empty one.

    Returns:
        The normal form, without white space at either end.
    """
    if text.isascii():  # of which the rest below changes nothing but capitals
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFD", text).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


class Marks(NamedTuple):
    """What a record is known and found by.

    Attributes:
        fingerprint: 16 bytes that texts of the same normal form share.
        words: those by which it is found, see `words`, with spaces between them.
    """

    fingerprint: bytes
    words: str


def marks(text: str) -> Marks:
    """The fingerprint and the words of a text, for the price of one normal form."""
    plain = normalise(text)
    return Marks(_hashed(plain), " ".join(_found(plain)))


def words(text: str) -> list[str]:
    """The words by which a text is found: runs of letters and digits in the normal form, each once.

    Chinese and Japanese are written without spaces: there every two neighbouring characters are a word, and the last
    one is. Words are cut after 64 characters; of a text with more than 50,000 the first are taken.
    """
    return _found(normalise(text))


def _found(plain: str) -> list[str]:
    """The words of a normal form."""
    if plain.isascii():
        runs = plain.encode("ascii").translate(_ASCII_RUNS).decode("ascii").split()
        if max(map(len, runs), default=0) > LONGEST_WORD:
            runs = [word[:LONGEST_WORD] for word in runs]
        return list(islice(dict.fromkeys(runs), MOST_WORDS))
    if not _UNSPACED.search(plain):
        return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(plain)))[:MOST_WORDS]
    found: dict[str, None] = {}
    for word in _WORD.findall(plain):
        for part in _UNSPACED.split(word):
            if _UNSPACED.match(part):
                found.update(dict.fromkeys([*_pairs(part), part[-1]]))
            elif part:
                found[part[:LONGEST_WORD]] = None
    return list(found)[:MOST_WORDS]


def beginnings(asked: str) -> list[str]:
    """What words of a text must begin with, so that it fits what somebody asks for: one beginning for each word.

    Returns:
        Nothing where no letter or digit is asked for.
    """
    found: dict[str, None] = {}
    for word in _WORD.findall(normalise(asked)):
        for part in _UNSPACED.split(word):
            if _UNSPACED.match(part):
                found.update(dict.fromkeys(_pairs(part) or [part]))
            elif part:
                found[part[:LONGEST_WORD]] = None
    return list(found)


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]


def fingerprint(text: str) -> bytes:
    """A short name for the normal form of a text; equal texts have equal fingerprints.

    Returns:
        16 bytes (BLAKE2b); a chance collision among a billion texts is less likely than one in 10**20.
    """
    return _hashed(normalise(text))


def _hashed(plain: str) -> bytes:
    # A lone surrogate cannot be UTF-8, yet JSON may carry one: it is hashed as it stands instead of failing.
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=FINGERPRINT_BYTES).digest()


def compose(name: str, description: str = "") -> str:
    """The words by which a category is known before anybody has decided anything.

    Names are often written for machines (`card_arrival`, `travel/book_flight`, `BookRestaurant`): they are
    taken apart into words, for the encoder knows words only.

    Args:
        name: the category's name.
        description: what a person wrote about it; may be empty.

    Returns:
        `"name"`, or `"name: description"` where there is one.
    """
    words = _SEPARATORS.sub(" ", name).strip()
    if " " not in words:
        words = _CAMEL.sub(" ", words)
    about = " ".join(description.split())
    return f"{words}: {about}" if about else words


def encodable(text: str, limit: int) -> str:
    """The part of a text that an encoder can take.

    Args:
        text: any string.
        limit: most characters to keep; what lies far behind the last token an encoder sees need not be
            split into tokens.

    Returns:
        At most `limit` characters, lone surrogates replaced (a tokenizer refuses them).
    """
    return text[:limit].encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(text: str, spans: Sequence[tuple[int, int]], size: int) -> list[str]:
    """Cut a text after every `size` tokens.

    Args:
        spans: where each token begins and ends, in characters.
    """
    if len(spans) <= size:
        return [text]
    return [text[spans[at][0] : spans[min(at + size, len(spans)) - 1][1]] for at in range(0, len(spans), size)]
