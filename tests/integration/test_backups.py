"""A backup is the whole system: it is equal after a restore, on either database; a damaged one changes nothing."""

import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import compress, count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from models.artifacts import Artifacts
from models.backups import rows
from models.backups.archive import Reader, Writer, appearing_whole
from models.backups.files import Exchange
from models.backups.restore import check, end_killed, restore
from models.backups.take import take
from models.encoders import Encoders
from models.errors import AlreadyThere, Conflict, Invalid
from models.heads import HeadCache
from models.learn.encoders import Encoder
from models.runtime import Runtime
from models.settings import Settings
from models.steps import ingest, review, webhooks
from models.steps.accounts import Caller
from models.steps.items import NewItem
from models.steps.projects import NewCategory, create_project, find_project
from models.store.schema import head, revision_of, shape
from models.store.session import Database
from models.store.tables import BackupRow, CategoryRow, ImportRow, ItemRow, ProjectRow, VersionRow, WorkerRow
from models.store.types import utc_now
from models.store.words import newest_with
from models.vocabulary import Event, JobStatus
from tests.conftest import BACKENDS, postgresql_database
from tests.integration.conftest import Drain, put
from tests.integration.test_the_loop import decide

Rows = dict[str, list[bytes]]
OLDER = "0009w"
OWN = {"backup", "audit_log"}
"""Where a restore writes down that it was made."""


@dataclass
class Place:
    """Somewhere to restore into."""

    settings: Settings
    database: Database
    said: list[str] = field(default_factory=list)

    def rows(self) -> Rows:
        with self.database.read() as session:
            connection = session.connection()
            return {table.name: [_sorted(line) for line in rows.lines(connection, table)] for table in rows.tables()}

    def files(self) -> dict[str, bytes]:
        folder = self.settings.artifacts
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def take(self, target: Path, **more: Any) -> Path:
        return take(self.settings, self.database, target, self.said.append, **more).path

    def restore(self, archive: Path, *, replace: bool = False) -> tuple[str, ...]:
        return restore(self.settings, self.database, archive, self.said.append, replace=replace).notes


def _sorted(line: bytes) -> bytes:
    """PostgreSQL keeps the fields of a JSON document in an order of its own."""
    return json.dumps(json.loads(line), sort_keys=True).encode()


@pytest.fixture
def here(runtime: Runtime) -> Place:
    return Place(runtime.settings, runtime.database)


@pytest.fixture
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty system on the database that the test's parameter names."""
    if getattr(request, "param", "sqlite") == "sqlite":
        url = f"sqlite:///{tmp_path / 'there' / 'winnow.db'}"
    else:
        url = postgresql_database(request.getfixturevalue("postgresql_server"))
    settings = Settings(data_dir=tmp_path / "there", database_url=url)
    database = Database(settings.database)
    yield Place(settings, database)
    database.close()


@pytest.fixture
def worked(runtime: Runtime, ann: Caller, filled: ProjectRow, drain: Drain) -> ProjectRow:
    """Three versions; a decision taken back, an item erased, a category below a later one, words of many tongues."""
    for _ in range(3):
        decide(runtime, ann, filled.slug, 12)
        drain()
    odd = [NewItem("größer, 大きい, 🙂 and \u2028 a line", fields={"n": 0.1, "deep": [None, True, {"a": "b"}]})]
    put(runtime, ann, filled, odd)
    with runtime.database.transaction() as session:
        project = find_project(session, ann, filled.slug)
        mine = session.scalars(select(ItemRow.id).where(ItemRow.project_id == project.id).order_by(ItemRow.id)).all()
        done = review.decide(
            session,
            ann,
            project,
            review.NewDecision("correct", item_id=mine[-2], categories=["Login"]),
            runtime.settings,
        )
        review.undo(session, ann, project, done.row.id, runtime.settings)
        session.delete(session.get_one(ItemRow, mine[-1]))
        first, *_, last = session.scalars(select(CategoryRow).order_by(CategoryRow.id)).all()
        first.parent_id = last.id
        webhooks.create_webhook(
            session, ann, project, runtime.settings, url="https://1.1.1.1/hook", events=[Event.ITEM_DECIDED]
        )
    drain()
    return filled


@pytest.mark.parametrize("there", BACKENDS, indirect=True)
@pytest.mark.usefixtures("worked")
def test_everything_is_equal_after_a_restore(here: Place, there: Place, encoder: Encoder, tmp_path: Path) -> None:
    before, archive = here.rows(), here.take(tmp_path / "kept.zip")
    assert {len(before[name]) > 0 for name in ("item", "vector", "decision", "decision_category", "promotion")} == {
        True
    }
    assert len(before["version"]) >= 3

    assert there.restore(archive) == ()

    after = there.rows()
    assert {name: after[name] for name in after if name not in OWN} == {
        name: before[name] for name in before if name not in OWN
    }
    assert after["audit_log"][:-1] == before["audit_log"]
    assert there.files() == here.files()
    assert revision_of(there.database) == head()
    assert there.settings.signing_key == here.settings.signing_key
    with there.database.read() as session:
        project = session.scalars(select(ProjectRow)).one()
        asked = newest_with(session, select(ItemRow.id), project.id, ["charged"], None)
        assert session.scalars(asked).all()  # the words are indexed again
        heads = HeadCache(there.settings.artifacts, Encoders(there.settings, encoder))
        for version in session.scalars(select(VersionRow)).all():
            heads.get(session, project, version.number)  # its bundle passes its checks
    # Numbers go on where they were: none is given twice, not even that of what is gone.
    with Reader(archive) as reader:
        [items] = (table for table in reader.manifest.tables if table.name == "item")
    place = [column.name for column in items.columns].index("id")
    assert items.last_id > max(json.loads(line)[place] for line in before["item"])
    with there.database.transaction() as session:
        project = session.scalars(select(ProjectRow)).one()
        boss = Caller("system", "system", "admin")
        fresh = ingest.add_items(session, boss, project, [NewItem("something quite new")])
        newest = session.scalar(select(ItemRow.id).order_by(ItemRow.id.desc()).limit(1))
    assert fresh is not None
    assert newest == items.last_id + 1


@pytest.mark.usefixtures("filled")
def test_it_holds_one_moment_whatever_is_written_meanwhile(
    here: Place, there: Place, ann: Caller, runtime: Runtime, tmp_path: Path
) -> None:
    before, written = here.rows(), []

    def busy(saying: str) -> None:
        written.append(saying)
        with runtime.database.transaction() as session:
            categories = [NewCategory("A"), NewCategory("B")]
            made = create_project(session, ann, name=f"Made {len(written)}", categories=categories)
            ingest.add_items(session, ann, made, [NewItem(f"text of {len(written)}")])

    archive = take(here.settings, here.database, tmp_path / "kept.zip", busy).path
    assert len(written) > len(before)
    there.restore(archive)
    after = there.rows()
    assert {name: after[name] for name in after if name not in OWN} == {
        name: before[name] for name in before if name not in OWN
    }


def test_an_import_that_waited_goes_on_after_the_restore(
    here: Place, there: Place, project: ProjectRow, ann: Caller, runtime: Runtime, tmp_path: Path
) -> None:
    upload = here.settings.artifacts / "uploads" / "waiting"
    upload.parent.mkdir(parents=True)
    upload.write_text("the first text\nand a second one\n")
    with runtime.database.transaction() as session:
        named = find_project(session, ann, project.slug)
        options = ingest.ImportOptions()
        ingest.start_import(session, ann, named, filename="two.txt", path="uploads/waiting", options=options)
    archive = here.take(tmp_path / "kept.zip")
    upload.unlink()
    with pytest.raises(Conflict, match="vanished"):
        here.take(tmp_path / "other.zip")
    assert not list(tmp_path.glob("*other*"))

    there.restore(archive)
    assert (there.settings.artifacts / "uploads" / "waiting").read_text() == "the first text\nand a second one\n"
    with there.database.read() as session:
        assert session.scalars(select(ImportRow.status)).all() == [JobStatus.QUEUED]


def damaged(archive: Path, how: Callable[[dict[str, bytes]], object]) -> None:
    """Another archive under the same name: the members as `how` leaves them, each with a right checksum of ZIP."""
    with zipfile.ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    how(members)
    with zipfile.ZipFile(archive, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)


def _flipped(archive: Path) -> None:
    """In what is kept, not in what ZIP says of it twice."""
    with zipfile.ZipFile(archive) as opened:
        kept = opened.getinfo("tables/vector.jsonl")
    content = bytearray(archive.read_bytes())
    content[kept.header_offset + kept.compress_size // 2] ^= 0xFF
    archive.write_bytes(content)


def _one_word(members: dict[str, bytes]) -> None:
    members["tables/item.jsonl"] = members["tables/item.jsonl"].replace(b"charged", b"changed", 1)


def _one_bundle(members: dict[str, bytes]) -> None:
    name = next(name for name in members if name.endswith("head.safetensors"))
    members[name] = members[name][:-1] + b"x"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped byte": _flipped,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_text("a letter to my aunt"),
    "a changed row": lambda path: damaged(path, _one_word),
    "a changed bundle": lambda path: damaged(path, _one_bundle),
    "a table less": lambda path: damaged(path, lambda members: members.pop("tables/decision.jsonl")),
    "a file more": lambda path: damaged(path, lambda members: members.update({"artifacts/more": b"x"})),
    "another manifest": lambda path: damaged(
        path, lambda members: members.update({"manifest.json": members["manifest.json"].replace(b"0.1.0", b"0.1.1")})
    ),
    "no manifest": lambda path: damaged(path, lambda members: members.pop("manifest.json")),
}


@pytest.mark.usefixtures("worked")
def test_a_damaged_archive_is_refused_and_nothing_is_changed(here: Place, tmp_path: Path) -> None:
    whole = here.take(tmp_path / "whole.zip").read_bytes()
    check(tmp_path / "whole.zip", here.said.append)
    before, files = here.rows(), here.files()
    for name, damage in DAMAGES.items():
        archive = tmp_path / "damaged.zip"
        archive.write_bytes(whole)
        damage(archive)
        for attempt in (lambda path: check(path, here.said.append), lambda path: here.restore(path, replace=True)):
            with pytest.raises(Invalid) as refused:
                attempt(archive)
            assert str(archive) in refused.value.detail, name
        assert here.rows() == before, name
        assert here.files() == files, name


def rewritten(archive: Path, target: Path, change: Callable[[str, list[bytes]], list[bytes]], **manifest: Any) -> Path:
    """An archive with other rows, and a manifest that knows them."""
    with Reader(archive) as reader, appearing_whole(target) as file, Writer(file) as writer:
        tables = []
        for table in manifest.pop("tables", reader.manifest.tables):
            lines = change(table.name, [line + b"\n" for line in reader.lines(table)])
            part, count = writer.add(table.path, lines)
            tables.append(table.model_copy(update={**part.model_dump(), "rows": count}))
        files = [writer.add(part.path, reader.pieces(part))[0] for part in reader.manifest.files]
        made = reader.manifest.model_copy(update={"tables": tuple(tables), "files": tuple(files), **manifest})
        writer.close(made)
    return target


@pytest.mark.usefixtures("worked")
def test_rows_that_cannot_be_take_nothing_away(here: Place, tmp_path: Path) -> None:
    """What only the database can find out comes to light after the old rows were dropped: they come back."""
    archive = here.take(tmp_path / "whole.zip")
    orphans = rewritten(archive, tmp_path / "orphans.zip", lambda name, lines: [] if name == "project" else lines)
    before, files = here.rows(), here.files()
    with pytest.raises((SQLAlchemyError, Invalid)):
        here.restore(orphans, replace=True)
    assert here.rows() == before
    assert here.files() == files
    assert [path.name for path in here.settings.artifacts.iterdir()] == ["bundles"]


def shape_of(revision: str, folder: Path) -> dict[str, set[str]]:
    """The columns of each table of a revision."""
    database = Database(f"sqlite:///{folder / 'then.db'}")
    with database.transaction() as session:
        shape(session.connection(), revision)
    found = inspect(database.engine)
    columns = {name: {column["name"] for column in found.get_columns(name)} for name in found.get_table_names()}
    database.close()
    return columns


@pytest.mark.usefixtures("worked")
def test_an_archive_of_the_release_before_gets_the_present_shape(here: Place, there: Place, tmp_path: Path) -> None:
    archive, before = here.take(tmp_path / "now.zip"), here.rows()
    then = shape_of(OLDER, tmp_path)
    with Reader(archive) as reader:
        now = [table for table in reader.manifest.tables if table.name in then]
    kept = {table.name: [column.name in then[table.name] for column in table.columns] for table in now}

    def cut(name: str, lines: list[bytes]) -> list[bytes]:
        return [json.dumps(list(compress(json.loads(line), kept[name]))).encode() + b"\n" for line in lines]

    tables = [table.model_copy(update={"columns": tuple(compress(table.columns, kept[table.name]))}) for table in now]
    there.restore(rewritten(archive, tmp_path / "old.zip", cut, revision=OLDER, tables=tables))
    assert revision_of(there.database) == head()
    assert there.rows()["decision"] == before["decision"]
    newer = rewritten(archive, tmp_path / "newer.zip", lambda _, lines: lines, revision="9999z", release="9.9.9")
    with pytest.raises(Conflict, match=r"newer release \(9\.9\.9\)"):
        there.restore(newer, replace=True)


@pytest.mark.usefixtures("filled")
def test_a_system_that_is_not_empty_is_kept_unless_told(here: Place, there: Place, tmp_path: Path) -> None:
    archive, before = here.take(tmp_path / "kept.zip"), here.rows()
    (here.settings.data_dir / "local.key").write_text("the key of before")
    (here.settings.data_dir / "pool").mkdir(exist_ok=True)
    with pytest.raises(Conflict, match="not empty: 1 projects, 1 users"):
        here.restore(archive)
    with here.database.transaction() as session:
        session.execute(update(ItemRow).values(text="overwritten"))
        session.add(WorkerRow(name="alive", seen_at=utc_now() + timedelta(minutes=10)))  # however long a stall is
    with pytest.raises(Conflict, match="A worker was seen"):
        here.restore(archive, replace=True)
    with here.database.transaction() as session:
        session.execute(update(WorkerRow).values(seen_at=utc_now() - timedelta(minutes=1)))
    here.restore(archive, replace=True)
    assert here.rows()["item"] == before["item"]
    assert not (here.settings.data_dir / "local.key").exists()
    assert not (here.settings.data_dir / "pool").exists()
    # Another key than that of then: what was sealed cannot be opened, and that is said.
    another = Settings(
        data_dir=there.settings.data_dir, database_url=there.settings.database_url, secret_key="another key " * 4
    )
    [note] = restore(another, there.database, archive, there.said.append).notes
    assert "secret key is another" in note


@pytest.mark.usefixtures("project")
def killed_at(last: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """As `call`, but one of its calls ends this process by SIGKILL."""
    number = count(1)

    def counted(*given: Any, **more: Any) -> Any:
        if next(number) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **more)

    return counted


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("what", "last", "kept"), [("move", 1, 0), ("move", 2, 0), ("move", 4, 0), ("end", 1, 1)])
def test_a_restore_that_is_killed_came_whole_or_not_at_all(
    here: Place, tmp_path: Path, what: str, last: int, *, kept: bool
) -> None:
    folder, key = here.settings.artifacts, here.settings.data_dir / "secret.key"
    for name in ("bundles", "results", "uploads"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "1").write_text("old")
    assert here.settings.signing_key
    archive, then = here.take(tmp_path / "kept.zip"), (here.files(), key.read_text())
    (folder / "bundles" / "2").write_text("made since")
    key.write_text("another" * 8)
    now = here.files(), key.read_text()
    child = os.fork()
    if child == 0:
        owner = Artifacts if what == "move" else Exchange
        with patch.object(owner, what, killed_at(last, getattr(owner, what))):
            Place(here.settings, Database(here.settings.database)).restore(archive, replace=True)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    end_killed(here.settings, here.database)

    assert (here.files(), key.read_text()) == (then if kept else now)
    with here.database.read() as session:
        assert len(session.scalars(select(BackupRow)).all()) == 1
        assert session.scalars(select(BackupRow.restored)).one() == kept
    end_killed(here.settings, here.database)
    assert here.files() == (then if kept else now)[0]


def test_archives_have_names_of_their_own_and_old_ones_go(here: Place, tmp_path: Path) -> None:
    made = [here.take(tmp_path / "kept", keep=2) for _ in range(3)]
    assert sorted((tmp_path / "kept").iterdir()) == made[1:]
    assert {path.stat().st_mode & 0o777 for path in made[1:]} == {0o600}
    with pytest.raises(AlreadyThere):
        here.take(made[2])
    with here.database.read() as session:
        assert session.scalars(select(BackupRow.name).order_by(BackupRow.id)).all() == [path.name for path in made]


def test_a_broken_bundle_is_noted(here: Place, worked: ProjectRow, tmp_path: Path) -> None:
    [bundle, other, *_] = sorted(here.settings.artifacts.glob("bundles/*/*/bundle.json"))
    bundle.write_text("{}")
    other.unlink()
    archive = here.take(tmp_path / "kept.zip")
    manifest, _ = check(archive, here.said.append)
    assert [note.replace(worked.slug, "p") for note in manifest.notes] == [
        "the bundle of version 1 of p is not what was saved",
        "version 2 of p has no bundle",
    ]
