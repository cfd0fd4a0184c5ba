"""`python -m models.prepare`: makes a data folder and a database ready to be used. Safe to run at every start."""

import json
import secrets
import sys
from pathlib import Path
from typing import NoReturn

from filelock import FileLock
from pydantic import ValidationError
from sqlalchemy import exists, or_, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from models import jobs
from models.artifacts import artifacts_of
from models.backups.restore import LOCAL_KEY, LONGEST_PREPARATION_SECONDS, PREPARE_LOCK, end_killed
from models.errors import WinnowError
from models.runtime import Runtime
from models.settings import Settings, Stage
from models.steps.accounts import SYSTEM, create_api_key, create_user
from models.steps.register import promote
from models.steps.vectors import encoder_row
from models.store.schema import head, knows, migrate, revision_of
from models.store.session import Database
from models.store.tables import ApiKeyRow, EncoderRow, ItemRow, ProjectRow, UserRow, VersionRow
from models.vocabulary import Job, Role

_CANNOT = 2


def main() -> int:
    """Prepare; tell on standard output, in one line of JSON, what somebody has to know."""
    try:
        settings = Settings()
    except ValidationError as error:
        _give_up("; ".join(str(fault["msg"]).removeprefix("Value error, ") for fault in error.errors()))
    try:
        _folder(settings.data_dir)
        with FileLock(settings.data_dir / PREPARE_LOCK, timeout=LONGEST_PREPARATION_SECONDS):
            _store(settings)
            told = _prepare(settings)
    except WinnowError as error:
        _give_up(error.detail)
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        _give_up(f"the database {_shown(settings)} cannot be used: {reason}")
    except OSError as error:
        _give_up(f"{error.filename or settings.data_dir}: {error.strerror or error}")
    print(json.dumps(told))  # noqa: T201  (this is the answer)
    return 0


def _prepare(settings: Settings) -> dict[str, str | bool | None]:
    database = Database(settings.database)
    try:
        revision = revision_of(database)
        if revision is not None and not knows(revision):
            # Taken back to the release before: what a later one added is in nobody's way.
            _say(f"The database has the shape of a later release ({revision}) and stays as it is")
        elif revision != head():
            _say("Preparing the database")
            migrate(database)
        end_killed(settings, database)
        runtime = Runtime(settings, database)
        _say("Loading the encoder (the first time it is converted, which takes about half a minute)")
        name = runtime.encoder.id
        with database.transaction() as session:
            _adopt_encoder(session, runtime)
            password = _first_user(session, settings)
            if settings.env is not Stage.PRODUCTION:
                _local_key(session, settings.data_dir / LOCAL_KEY)
    finally:
        database.close()
    return {"admin_password": password, "created": revision is None, "encoder": name}


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = path / f".probe-{secrets.token_hex(4)}"
    probe.write_bytes(bytes(65_536))
    probe.unlink()


def _store(settings: Settings) -> None:
    if settings.artifacts_url:
        artifacts, name = artifacts_of(settings), f".probe-{secrets.token_hex(4)}"
        artifacts.write(name, [b"x"])
        artifacts.remove(name)


def _first_user(session: Session, settings: Settings) -> str | None:
    """Make the user `admin` where there is no user. Returns the password if it was made up here."""
    if session.scalar(select(UserRow.id).limit(1)) is not None:
        return None
    given = settings.admin_password.get_secret_value()
    password = given or secrets.token_urlsafe(12)
    create_user(session, SYSTEM, username="admin", password=password, role=Role.ADMIN)
    return None if given else password


def _local_key(session: Session, path: Path) -> None:
    there = session.scalar(select(ApiKeyRow.id).where(ApiKeyRow.name == "local", ApiKeyRow.revoked_at.is_(None)))
    if there is not None and path.exists():
        return
    _, secret = create_api_key(session, SYSTEM, name="local", role=Role.ADMIN)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(secret)


def _adopt_encoder(session: Session, runtime: Runtime) -> None:
    """Where the encoder was changed, have every item encoded anew; until then names and descriptions answer."""
    own = encoder_row(session, runtime.encoder).id
    stale = select(ItemRow.project_id).where(ItemRow.encoder_id != own).distinct()
    usable = select(EncoderRow.id).where(EncoderRow.name.in_([runtime.encoder.id, runtime.encoders.quick_id or ""]))
    of_project = VersionRow.project_id == ProjectRow.id, VersionRow.number == ProjectRow.serving_number
    strange = ProjectRow.quick_encoder_id.not_in(usable) | exists().where(
        *of_project, VersionRow.encoder_id.not_in(usable)
    )
    for project in session.scalars(select(ProjectRow).where(or_(ProjectRow.id.in_(stale), strange))).all():
        _say(f"The encoder changed: the items of {project.slug} are encoded anew")
        session.execute(
            update(ItemRow).where(ItemRow.project_id == project.id, ItemRow.encoder_id != own).values(encoder_id=None)
        )
        promote(session, SYSTEM, project, 0, "the encoder was changed")
        project.quick_encoder_id = None
        jobs.enqueue(session, Job.EMBED, key=f"embed:{project.id}", project_id=project.id)
        jobs.enqueue(session, Job.TRAIN, key=f"train:{project.id}", project_id=project.id)


def _shown(settings: Settings) -> str:
    """The database's URL without its password; a text that is no URL at all may be a password, and is not shown."""
    try:
        return make_url(settings.database).render_as_string(hide_password=True)
    except ArgumentError:
        return "of WINNOW_DATABASE_URL"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201  (progress is for people)


def _give_up(sentence: str) -> NoReturn:
    _say(f"Winnow cannot start: {sentence}")
    sys.exit(_CANNOT)


if __name__ == "__main__":
    sys.exit(main())
