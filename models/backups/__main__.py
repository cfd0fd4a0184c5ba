"""`python -m models.backups take|check|restore`: the work behind `winnow backup` and `winnow restore`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from models.backups.manifest import Manifest
from models.backups.restore import check, restore
from models.backups.take import take
from models.errors import WinnowError
from models.settings import Settings
from models.store.session import Database

_CANNOT = 2


def main() -> int:
    """Do it; on standard output one line of JSON, on standard error what is being done or why it cannot be."""
    chosen = _arguments()
    try:
        told = _do(chosen)
    except ValidationError as error:
        _give_up("; ".join(str(fault["msg"]).removeprefix("Value error, ") for fault in error.errors()))
    except WinnowError as error:
        _give_up(error.detail)
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        hint = " Something else uses it: stop everything first." if "lock" in reason else ""
        _give_up(f"the database cannot be used, and nothing was changed: {reason}.{hint}")
    except OSError as error:
        _give_up(f"{error.filename or chosen.path}: {error.strerror or error}. Nothing was changed.")
    print(json.dumps(told))  # noqa: T201  (this is the answer)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.backups", description=__doc__)
    parser.add_argument("what", choices=("take", "check", "restore"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--keep", type=int, help="take: keep so many archives of the folder")
    parser.add_argument("--replace", action="store_true", help="restore: even where there is something already")
    return parser.parse_args()


def _do(chosen: argparse.Namespace) -> dict[str, Any]:
    if chosen.what == "check":
        manifest, mark = check(chosen.path, _say)
        return _told(manifest, mark, chosen.path) | {"notes": list(manifest.notes)}
    settings = Settings()
    database = Database(settings.database)
    try:
        if chosen.what == "take":
            taken = take(settings, database, chosen.path, _say, keep=chosen.keep)
            dropped = [str(path) for path in taken.dropped]
            notes = list(taken.manifest.notes)
            return _told(taken.manifest, taken.sha256, taken.path) | {"notes": notes, "dropped": dropped}
        done = restore(settings, database, chosen.path, _say, replace=chosen.replace)
        seconds = round(done.seconds, 3)
        return _told(done.manifest, done.sha256, chosen.path) | {"notes": list(done.notes), "seconds": seconds}
    finally:
        database.close()


def _told(manifest: Manifest, mark: str, path: Path) -> dict[str, Any]:
    counts = {f"{name}s": manifest.rows(name) for name in ("project", "item", "decision", "version", "user")}
    return {
        "archive": str(path),
        "bytes": path.stat().st_size,
        "sha256": mark,
        "taken_at": manifest.taken_at.isoformat().replace("+00:00", "Z"),
        "release": manifest.release,
        "database": manifest.database,
        **counts,
        "rows": {table.name: table.rows for table in manifest.tables},
        "files": len(manifest.files),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (progress is for people)


def _give_up(sentence: str) -> NoReturn:
    _say(sentence)
    sys.exit(_CANNOT)


if __name__ == "__main__":
    sys.exit(main())
