"""Taking a backup while everything runs: one snapshot of the database, and the files that it speaks of."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from models.artifacts import artifacts_of
from models.backups import rows
from models.backups.archive import Reader, Writer, appearing_whole, pieces_of
from models.backups.files import Held, held
from models.backups.manifest import ARTIFACTS, SECRET_KEY, Manifest, Table
from models.errors import AlreadyThere, Conflict, Invalid
from models.learn.bundle import BUNDLE
from models.settings import Settings
from models.steps.accounts import SYSTEM, record
from models.store.schema import head, revision_of
from models.store.session import Database
from models.store.tables import BackupRow, ImportRow, JobRow, ProjectRow, VersionRow
from models.store.types import utc_now
from models.vocabulary import JobStatus

Say = Callable[[str], object]

_SUFFIX = ".zip"
_ATTEMPTS = 3
_PART_KEPT = timedelta(days=1)
_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that is there.

    Attributes:
        path: the archive; `size` in bytes.
        sha256: of its manifest.
        dropped: older archives of the same folder that were deleted.
    """

    path: Path
    size: int
    sha256: str
    manifest: Manifest
    dropped: tuple[Path, ...] = ()


def take(settings: Settings, database: Database, target: Path, say: Say, *, keep: int | None = None) -> Taken:
    """Write a backup, read it back, and note in the database that it was made.

    Args:
        target: a file that ends in `.zip` and is not there yet, or a folder, where it gets a name from the time.
        say: told what is being done.
        keep: of the archives in the folder that got their names so, keep so many.

    Raises:
        AlreadyThere: the file is there.
        Invalid: what is there is no folder, and not named like a backup either.
        Conflict: the database has another shape than this release, or files vanish while they are copied.
    """
    revision = revision_of(database)
    if revision is None or revision != head():
        raise Conflict(
            "The database has not the shape of this release: take the backup with the release that runs on it, "
            "or start this one first, which prepares the database."
        )
    path = _place(target)
    with held(artifacts_of(settings)) as files:
        with appearing_whole(path) as file, Writer(file) as writer:
            manifest, mark = _write(settings, database, revision, files, writer, say)
        say("Reading it back")
        try:
            with Reader(path) as reader:
                reader.verify()
        except BaseException:
            path.unlink()
            raise
    size = path.stat().st_size
    with database.transaction() as session:
        session.add(BackupRow(taken_at=manifest.taken_at, name=path.name[-255:], size=size, sha256=mark))
        record(session, SYSTEM, "backup.take", path.name[-200:], {"bytes": size, "sha256": mark})
    dropped = () if keep is None or path == target else _drop(path.parent, keep)
    return Taken(path, size, mark, manifest, dropped)


def key_mark(settings: Settings) -> str:
    """Tells two secret keys apart without giving either away."""
    return sha256(b"backup:" + settings.signing_key.encode()).hexdigest()[:16]


def _place(target: Path) -> Path:
    if target.suffix != _SUFFIX or target.is_dir():
        if target.exists() and not target.is_dir():
            kind = "a file whose name does not end in .zip" if target.is_file() else "no folder and no file"
            raise Invalid(
                f"{target} is {kind}, and stays as it is: name a folder, or a new file that ends in {_SUFFIX}."
            )
        target.mkdir(parents=True, exist_ok=True)
        for part in target.glob(f".winnow-*{_SUFFIX}.part"):  # of one that was killed
            if part.stat().st_mtime < (utc_now() - _PART_KEPT).timestamp():
                part.unlink(missing_ok=True)
        return target / f"winnow-{utc_now():%Y%m%dT%H%M%S%fZ}{_SUFFIX}"
    if target.exists():
        raise AlreadyThere(f"{target} is there already: a backup never takes the place of another. Name another file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write(
    settings: Settings, database: Database, revision: str, files: Held, writer: Writer, say: Say
) -> tuple[Manifest, str]:
    for _ in range(_ATTEMPTS):
        files.hold()
        with database.read() as session:
            taken_at = _snapshot(session)
            files.hold()
            if all(name in files for name in _awaited(session)):
                return _copy(settings, database, session, revision, taken_at, files, writer, say)
    raise Conflict("Files vanished while they were copied, three times over: try again when less is imported.")


def _snapshot(session: Session) -> datetime:
    """From the first read on, the session sees one state."""
    session.scalar(select(ProjectRow.id).limit(1))
    return utc_now()


def _copy(
    settings: Settings,
    database: Database,
    session: Session,
    revision: str,
    taken_at: datetime,
    files: Held,
    writer: Writer,
    say: Say,
) -> tuple[Manifest, str]:
    connection = session.connection()
    tables = _tables(connection, writer, say)
    notes = tuple(_broken(session, files))
    parts = []
    say("Copying the artifacts")
    for name, place in files.each():
        with files.artifacts.open(place) as file:
            parts.append(writer.add(f"{ARTIFACTS}/{name}", pieces_of(file))[0])
    mark, kept = key_mark(settings), settings.data_dir / SECRET_KEY
    if not settings.secret_key.get_secret_value():
        with kept.open("rb") as file:
            parts.append(writer.add(SECRET_KEY, pieces_of(file))[0])
    manifest = Manifest(
        release=version("winnow"),
        revision=revision,
        taken_at=taken_at,
        database="sqlite" if database.is_sqlite else "postgresql",
        key_mark=mark,
        tables=tuple(tables),
        files=tuple(parts),
        notes=notes,
    )
    return manifest, writer.close(manifest)


def _tables(connection: Connection, writer: Writer, say: Say) -> list[Table]:
    last, found = rows.last_ids(connection), []
    for table in rows.tables():
        say(f"Copying the table {table.name}")
        part, count = writer.add(f"tables/{table.name}.jsonl", rows.lines(connection, table))
        told = {"name": table.name, "columns": rows.columns_of(table), "rows": count, "last_id": last.get(table.name)}
        found.append(Table(**part.model_dump(), **told))
    return found


def _awaited(session: Session) -> list[str]:
    """Files, relative to the artifacts, without which work that is under way could not go on."""
    imports = session.scalars(select(ImportRow.path).where(ImportRow.status.in_(_UNFINISHED))).all()
    jobs = session.scalars(select(JobRow.payload).where(JobRow.status.in_(_UNFINISHED))).all()
    return [*imports, *(str(payload["path"]) for payload in jobs if "path" in payload)]


def _broken(session: Session, files: Held) -> list[str]:
    """Versions whose files are not what their rows say, in sentences: the backup cannot be better than the system."""
    places = dict(files.each())
    said = []
    for slug, row in session.execute(
        select(ProjectRow.slug, VersionRow)
        .join(VersionRow, VersionRow.project_id == ProjectRow.id)
        .where(VersionRow.bundle.is_not(None))
        .order_by(VersionRow.id)
    ):
        place = places.get(f"{row.bundle}/{BUNDLE}")
        if place is None:
            said.append(f"version {row.number} of {slug} has no bundle")
        elif row.sha256 != sha256(files.artifacts.read(place)).hexdigest():
            said.append(f"the bundle of version {row.number} of {slug} is not what was saved")
    return said


def _drop(folder: Path, keep: int) -> tuple[Path, ...]:
    """Delete all but the newest archives that have their names from us."""
    old = sorted(folder.glob(f"winnow-[0-9]*T[0-9]*Z{_SUFFIX}"))[:-keep]
    for path in old:
        with suppress(FileNotFoundError):
            path.unlink()
    return tuple(old)
