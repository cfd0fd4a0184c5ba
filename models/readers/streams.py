"""Bytes of a file in blocks, unpacked where they are gzipped, with a bound on what they may unpack to."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from models.errors import Invalid
from models.readers.records import ReadOptions

BLOCK_BYTES = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
_UNPACK_BYTES = 256 * 1024
_RATIO_WINDOW = 16 * 2**20
_FREE_MEMBERS = 1_000


class BrokenStream(Invalid):
    """The file cannot be read past a certain point; what came before is good."""

    code = "broken-file"


class Bomb(BrokenStream):
    """A small file unpacks to far more than honest data would."""

    code = "too-much-unpacked"


def blocks(source: BinaryIO, options: ReadOptions) -> Iterator[bytes]:
    """The content of `source` in blocks of a bounded size, unpacked if it is gzipped.

    Raises:
        BrokenStream: the compressed data ends early or is damaged.
        Bomb: it unpacks to more than `options` allow.
    """
    first = source.read(BLOCK_BYTES)
    if first.startswith(GZIP_MAGIC):
        yield from _unpacked(first, source, options)
        return
    while first:
        yield first
        first = source.read(BLOCK_BYTES)


def _unpacked(data: bytes, source: BinaryIO, options: ReadOptions) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    members = taken = given = 0
    window_taken = window_given = 0
    try:
        while data:
            taken += len(data)
            while data:
                out = member.decompress(data, _UNPACK_BYTES)
                data = member.unconsumed_tail
                given += len(out)
                if given - window_given > _RATIO_WINDOW:
                    used = taken - len(data)
                    _refuse_bomb(given, given - window_given, used - window_taken, options)
                    window_given, window_taken = given, used
                if out:
                    yield out
                if member.eof:
                    data = member.unused_data.lstrip(b"\x00")  # tools pad the end with zeros
                    members += 1
                    if members > _FREE_MEMBERS + given // 1024:
                        raise BrokenStream("The compressed file is made of thousands of empty parts; pack it anew.")
                    if data:
                        member = zlib.decompressobj(wbits=31)
            # a member may yet hold back output although all its input is taken
            while not member.eof and (out := member.decompress(b"", _UNPACK_BYTES)):
                given += len(out)
                yield out
            data = source.read(BLOCK_BYTES)
            if data and member.eof:
                data = data.lstrip(b"\x00") or data[:0]
                member = zlib.decompressobj(wbits=31) if data else member
    except zlib.error:
        message = "The compressed data is damaged here; pack the file again and import it once more."
        raise BrokenStream(message) from None
    if not member.eof:
        raise BrokenStream("The compressed file ends before its end mark; it was probably not copied whole.")


def _refuse_bomb(given: int, window_given: int, window_taken: int, options: ReadOptions) -> None:
    if window_given > options.max_ratio * max(window_taken, 1):
        raise Bomb(
            f"The compressed file unpacks to more than {options.max_ratio} times its size, which no honest data"
            " does; unpack it yourself and import the part you need."
        )
    if given > options.max_unpacked_bytes:
        raise Bomb(
            f"The compressed file unpacks to more than {options.max_unpacked_bytes // 2**20} MiB;"
            " split it and import the parts."
        )
