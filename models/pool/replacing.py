"""A file that takes the place of another one whole, or leaves nothing: on a full disk half files would be too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to be written, which is at `path` once the block ends well."""
    staged = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with staged.open("wb") as file:
            yield file
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
