"""What an archive says of itself; everything in it is checked against this before anything is done with it."""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

FORMAT = "winnow-backup"
PROTOCOL = 1
MANIFEST = "manifest.json"
MANIFEST_SHA256 = "manifest.sha256"
SECRET_KEY = "secret.key"  # noqa: S105  (the name of a file)
ARTIFACTS = "artifacts"

Kind = Literal["int", "float", "bool", "text", "time", "json", "bytes"]
"""What stands in a column, the same for every database."""


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or str(pure) != path:
        message = f"{path!r} leads out of the archive"
        raise ValueError(message)
    return path


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Inside = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Frozen):
    """A member of the archive: its name, its size in bytes before compression, and its sha256."""

    path: Inside
    bytes: int = Field(ge=0)
    sha256: Sha256


class Column(_Frozen):
    """A column and what stands in it."""

    name: Name
    kind: Kind


class Table(Part):
    """A table.

    Attributes:
        rows: how many lines the member has.
        last_id: the highest number it ever gave a row; None where its rows are not numbered. No row is numbered like
            one that is gone.
    """

    name: Name
    columns: tuple[Column, ...]
    rows: int = Field(ge=0)
    last_id: int | None = None


class Manifest(_Frozen):
    """What is in an archive.

    Attributes:
        release: of the Winnow that made it; `revision`: of the database's shape.
        taken_at: the moment whose state it holds.
        database: what the rows came from, `sqlite` or `postgresql`.
        key_mark: tells whether the secret key is still the same, and nothing else about it.
        tables: in the order in which they can be filled.
        notes: what was not as it should be when it was taken, in sentences.
    """

    format: Literal["winnow-backup"] = "winnow-backup"
    protocol: Literal[1] = 1
    release: str
    revision: str
    taken_at: datetime
    database: str
    key_mark: str
    tables: tuple[Table, ...]
    files: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, Part]:
        """Every member but the manifest itself, by name."""
        return {part.path: part for part in (*self.tables, *self.files)}

    def rows(self, table: str) -> int:
        """How many rows a table has here."""
        return next((one.rows for one in self.tables if one.name == table), 0)
