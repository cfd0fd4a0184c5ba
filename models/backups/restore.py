"""Putting a backup back: everything is read and checked before anything is touched, and all of it comes or nothing."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock
from sqlalchemy.schema import DropTable

from models.artifacts import artifacts_of
from models.backups import rows
from models.backups.archive import Reader
from models.backups.files import Exchange, end_exchanges, is_empty
from models.backups.manifest import ARTIFACTS, SECRET_KEY, Manifest
from models.backups.take import key_mark
from models.errors import Conflict, Invalid
from models.settings import Settings
from models.store.base import Row
from models.store.schema import knows, revision_of, shape
from models.store.session import Database
from models.store.tables import AuditLogRow, BackupRow, ProjectRow, UserRow, WorkerRow
from models.store.types import utc_now
from models.store.words import index_missing

Say = Callable[[str], object]

LOCAL_KEY = "local.key"
"""The file in the data folder that lets commands on this machine call the API without signing in."""

PREPARE_LOCK = "prepare.lock"
"""Held by whoever makes the system ready or restores it."""

_KEY_BESIDE = f".{SECRET_KEY}.new-"
_ACTION = "backup.restore"
LONGEST_PREPARATION_SECONDS = 600
_LOCK_SECONDS = 10
_SEEN_SECONDS = 30
_INDEXED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        sha256: of the archive's manifest.
        notes: what whoever did it has to know, in sentences.
    """

    manifest: Manifest
    sha256: str
    seconds: float
    notes: tuple[str, ...]


def check(path: Path, say: Say) -> tuple[Manifest, str]:
    """Read an archive and hold it against its own manifest. Raises Invalid where it is damaged."""
    with Reader(path) as reader:
        say(f"Checking {path.name}")
        reader.verify()
        return reader.manifest, reader.mark


def restore(settings: Settings, database: Database, path: Path, say: Say, *, replace: bool = False) -> Restored:
    """Make the system what it was when the backup was taken.

    Args:
        replace: even where there is something already, which is then lost.

    Raises:
        Invalid: the archive is damaged; nothing was changed.
        Conflict: the system is not empty, is in use, or has the shape of a newer release; nothing was changed.
    """
    begun = time.monotonic()
    with Reader(path) as reader:
        say(f"Checking {path.name}")
        reader.verify()
        settings.artifacts.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(settings.data_dir / PREPARE_LOCK, timeout=LONGEST_PREPARATION_SECONDS):
            end_killed(settings, database)
            _refuse(settings, database, reader.manifest, replace=replace)
            _restore(settings, database, path, reader, say)
        notes = _new_key(settings, reader)
    return Restored(reader.manifest, reader.mark, time.monotonic() - begun, (*reader.manifest.notes, *notes))


def end_killed(settings: Settings, database: Database) -> None:
    """End what a restore has begun that was killed: files and key go the way that the database went."""
    artifacts, kept = artifacts_of(settings), set(_restored(database))
    end_exchanges(artifacts, kept.__contains__)
    for beside in settings.data_dir.glob(f"{_KEY_BESIDE}*"):
        if beside.name.removeprefix(_KEY_BESIDE) in kept:
            beside.rename(settings.data_dir / SECRET_KEY)
        else:
            beside.unlink()


def _restored(database: Database) -> list[str]:
    """The marks of the exchanges that this database belongs to."""
    with database.read() as session:
        if not sa.inspect(session.connection()).has_table(AuditLogRow.__tablename__):
            return []
        table = AuditLogRow.__table__.c
        told = session.scalars(sa.select(table.detail).where(table.action == _ACTION)).all()
        return [str(one["exchange"]) for one in told if one and "exchange" in one]


def _restore(settings: Settings, database: Database, path: Path, reader: Reader, say: Say) -> None:
    """Whoever is killed in here leaves what `end_killed` can tell apart by the one commit."""
    with Exchange(artifacts_of(settings)) as exchange:
        say("Copying the artifacts")
        _unpack(reader, exchange)
        key = _key_beside(settings, reader, exchange.mark)
        try:
            with database.transaction() as session:
                _rebuild(session.connection(), reader, say)
                say("Indexing the words")
                while index_missing(session, _INDEXED_AT_ONCE):
                    pass
                _remember(session.connection(), path, reader, exchange.mark)
                shutil.rmtree(settings.data_dir / "pool", ignore_errors=True)  # copies of what the database said before
                (settings.data_dir / LOCAL_KEY).unlink(missing_ok=True)  # the preparation makes one that is known then
                exchange.make()
            if key is not None:
                key.rename(settings.data_dir / SECRET_KEY)
        finally:
            if key is not None:
                key.unlink(missing_ok=True)


def _refuse(settings: Settings, database: Database, manifest: Manifest, *, replace: bool) -> None:
    if not knows(manifest.revision):
        raise Conflict(
            f"The backup was made by a newer release ({manifest.release}): install that one, or a later one."
        )
    revision = revision_of(database)
    if revision is not None and not knows(revision):
        raise Conflict("The database belongs to a newer release of Winnow: install that one, or use another database.")
    with database.read() as session:
        connection = session.connection()
        there = set(sa.inspect(connection).get_table_names())
        if "worker" in there:
            seen = session.scalar(sa.select(sa.func.max(WorkerRow.__table__.c.seen_at)))
            if seen is not None and (utc_now() - seen).total_seconds() < _SEEN_SECONDS:
                raise Conflict("A worker was seen within half a minute: stop everything, wait that long, try again.")
        projects = rows.count(connection, ProjectRow.__tablename__) if ProjectRow.__tablename__ in there else 0
        users = rows.count(connection, UserRow.__tablename__) if UserRow.__tablename__ in there else 0
    if not replace and (projects or users > 1 or not is_empty(artifacts_of(settings))):
        raise Conflict(
            f"The system is not empty: {projects} projects, {users} users, "
            f"artifacts in {settings.artifacts_url or settings.artifacts}. "
            "Restore into an empty one, or say --replace: what is there is then lost."
        )


def _unpack(reader: Reader, exchange: Exchange) -> None:
    for part in reader.manifest.files:
        if part.path != SECRET_KEY:
            exchange.add(str(Path(part.path).relative_to(ARTIFACTS)), reader.pieces(part))


def _rebuild(connection: sa.Connection, reader: Reader, say: Say) -> None:
    """The database's shape as it was then, its rows, and then the shape of this release."""
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
    else:
        connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
    for table in reversed(Row.metadata.sorted_tables):
        connection.execute(DropTable(table, if_exists=True))
    for name in ("item_words", "alembic_version"):  # an index that SQLite sees as a table, and Alembic's own
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {name}"))
    shape(connection, reader.manifest.revision)
    for table in reader.manifest.tables:
        say(f"Filling the table {table.name} ({table.rows:,} rows)")
        rows.fill(connection, table, reader.lines(table))
        if rows.count(connection, table.name) != table.rows:
            raise Invalid(f"{reader.path}: the table {table.name} did not take its {table.rows} rows")
        if table.last_id is not None:
            rows.go_on_from(connection, table.name, table.last_id)
    if not postgresql and connection.execute(sa.text("PRAGMA foreign_key_check")).first() is not None:
        raise Invalid(f"{reader.path}: its rows refer to rows that are not in it")
    shape(connection)


def _remember(connection: sa.Connection, path: Path, reader: Reader, exchange: str) -> None:
    now, size = utc_now(), path.stat().st_size
    told = {"name": path.name[-255:], "size": size, "sha256": reader.mark, "restored": True}
    connection.execute(sa.insert(BackupRow).values(created_at=now, taken_at=reader.manifest.taken_at, **told))
    log = {"actor": "system", "action": _ACTION, "subject": path.name[-200:], "created_at": now}
    connection.execute(
        sa.insert(AuditLogRow).values(detail={"bytes": size, "sha256": reader.mark, "exchange": exchange}, **log)
    )


def _key_beside(settings: Settings, reader: Reader, mark: str) -> Path | None:
    """The archive's secret key beside the one that is there; None where it has none, or another is given."""
    kept = next((part for part in reader.manifest.files if part.path == SECRET_KEY), None)
    if kept is None or settings.secret_key.get_secret_value():
        return None
    beside = settings.data_dir / f"{_KEY_BESIDE}{mark}"
    beside.touch(mode=0o600)
    beside.write_bytes(b"".join(reader.pieces(kept)))
    return beside


def _new_key(settings: Settings, reader: Reader) -> list[str]:
    """What to say where the secret key is another than it was."""
    vars(settings).pop("signing_key", None)  # it may have been looked up before
    if key_mark(settings) == reader.manifest.key_mark:
        return []
    said = (
        "the secret key is another than when the backup was taken: everybody signs in again, and webhooks need new "
        "secrets; set WINNOW_SECRET_KEY to the one of then to spare that"
    )
    return [said]
