"""Artifacts on a store of objects: hosts that share a database, Redis and a bucket, and no folder."""

import csv
import io
import itertools
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models import jobs, prepare
from models.artifacts import artifacts_of
from models.backups.files import Exchange, end_exchanges
from models.backups.restore import restore
from models.backups.take import take
from models.errors import Unavailable
from models.learn.encoders import Encoder
from models.runtime import Runtime
from models.settings import Settings
from models.steps import serve
from models.steps.accounts import SYSTEM
from models.steps.items import NewItem
from models.store.queries.figures import figures
from models.store.session import Database
from tests.api.conftest import SECRET, Winnow, build, make_project, settings_for
from tests.conftest import postgresql_database
from tests.integration.conftest import texts
from tests.working import drain
from worker.entry import perform

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'winnow[s3]'")
moto = pytest.importorskip("moto.server", reason="moto is not installed: there is no S3 to try this on")

_BUCKETS = itertools.count(1)
ON_ONE = pytest.mark.parametrize("backend", ["postgresql"])
ASKED = [NewItem("where is my parcel"), NewItem("I was charged twice")]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket on a real server of the S3 protocol."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "winnow",
        "AWS_SECRET_ACCESS_KEY": "for these tests alone",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    name = f"bucket-{next(_BUCKETS)}"  # the server's memory is that of the process
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}/winnow"
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


Host = Callable[[str], Settings]


@pytest.fixture
def host(tmp_path: Path, database_url: str, redis_url: str, bucket: str) -> Host:
    """Settings of a host with a disk of its own."""
    return lambda name: settings_for(
        tmp_path / name, database_url, redis_url, artifacts_url=bucket, export_stream_items=0
    )


@pytest.fixture
def api(host: Host, encoder: Encoder) -> Iterator[Winnow]:
    yield from build(host("api"), encoder)


@pytest.fixture
def worker(host: Host, database: Database, encoder: Encoder) -> Runtime:
    return Runtime(host("worker"), database, encoder)


def files(folder: Path) -> list[str]:
    """What lies on a disk of artifacts or copies of them."""
    found = [*folder.glob("artifacts/**/*"), *folder.glob("copies/**/*")]
    return [str(path.relative_to(folder)) for path in found if path.is_file()]


def as_csv(rows: list[tuple[str, str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([("text", "label"), *rows])
    return out.getvalue().encode()


def sent(api: Winnow, path: str, data: bytes) -> Any:
    answer = api.post(path, files={"file": ("rows.csv", data)}, data={"text_fields": "text", "label_field": "label"})
    assert answer.status_code == 202, answer.text
    return answer.json()


def result(api: Winnow, job_id: str) -> list[dict[str, str]]:
    assert api.get(f"/v1/jobs/{job_id}").json()["status"] == "succeeded"
    answer = api.get(f"/v1/jobs/{job_id}/result", headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200, answer.text
    assert ".csv" in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def said(runtime: Runtime, slug: str) -> list[tuple[int, str, float]]:
    found = serve.predict(runtime, SYSTEM, slug, ASKED)
    return [(found.number, one.prediction.category.name, one.prediction.confidence) for one in found.answers]


@ON_ONE
def test_hosts_without_a_shared_folder_do_the_whole_loop(
    api: Winnow, worker: Runtime, host: Host, encoder: Encoder, postgresql_server: str, tmp_path: Path, bucket: str
) -> None:
    slug = make_project(api, settings={"retrain_every": 10})
    store = artifacts_of(host("onlooker"))
    import_id = sent(api, f"/v1/projects/{slug}/imports", as_csv(texts(120)))["id"]
    assert len(list(store.files("uploads"))) == 1
    drain(worker)
    shown = api.get(f"/v1/projects/{slug}/imports/{import_id}").json()
    assert (shown["status"], shown["rows_added"]) == ("succeeded", 120)
    assert list(store.files("uploads")) == []
    assert {Path(name).name for name in store.files("bundles")} == {"bundle.json", "head.safetensors"}

    answer = api.post(f"/v1/projects/{slug}/predict", json={"items": [{"text": one.text} for one in ASKED]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model_version"] == 1
    third = Runtime(host("third"), worker.database, encoder)
    assert [name for _, name, _ in said(third, slug)] == ["Shipping", "Billing"]

    exported = api.get(f"/v1/projects/{slug}/export").json()
    batch = sent(api, f"/v1/projects/{slug}/predict/batch", as_csv(texts(30)))
    drain(worker)
    assert len(result(api, exported["id"])) == 120
    assert {row["model_version"] for row in result(api, batch["id"])} == {"1"}
    assert files(tmp_path / "api") == files(tmp_path / "worker") == files(tmp_path / "third") == []

    archive = take(worker.settings, worker.database, tmp_path / "kept.zip", lambda _: None).path
    assert store.hidden("backup") == []
    elsewhere = Settings(
        data_dir=tmp_path / "there",
        database_url=postgresql_database(postgresql_server),
        redis_url=worker.settings.redis_url,
        secret_key=SECRET,
        artifacts_url=f"{bucket}-2",
    )
    there = Database(elsewhere.database)
    restore(elsewhere, there, archive, lambda _: None)
    assert said(Runtime(elsewhere, there, encoder), slug) == said(third, slug)
    assert list(artifacts_of(elsewhere).files()) == list(store.files())
    there.close()


@ON_ONE
def test_a_backup_put_back_takes_the_place_of_what_the_store_has(
    api: Winnow, worker: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = make_project(api, settings={"retrain_every": 10})
    sent(api, f"/v1/projects/{slug}/imports", as_csv(texts(60)))
    drain(worker)
    archive = take(worker.settings, worker.database, tmp_path / "kept.zip", lambda _: None).path
    before, kept = said(worker, slug), list(worker.artifacts.files())
    worker.artifacts.write("results/of-later", [b"x"])
    (bundle,) = [name for name in kept if name.endswith("bundle.json")]
    worker.artifacts.write(bundle, [b"spoilt"])

    monkeypatch.setattr("models.backups.restore._refuse", lambda *_, **__: None)
    monkeypatch.setattr("models.backups.restore._key_beside", lambda *_: None)
    restore(worker.settings, worker.database, archive, lambda _: None, replace=True)
    assert list(worker.artifacts.files()) == kept
    assert worker.artifacts.hidden("coming") == worker.artifacts.hidden("going") == []
    assert said(Runtime(worker.settings, worker.database, worker.encoder), slug) == before


@ON_ONE
@pytest.mark.parametrize("kept", [True, False])
def test_what_a_killed_restore_exchanged_goes_where_its_rows_went(worker: Runtime, *, kept: bool) -> None:
    artifacts = worker.artifacts
    artifacts.write("uploads/one", [b"old"])
    exchange = Exchange(artifacts)
    exchange.add("uploads/one", [b"new"])
    exchange.add("results/two", [b"new"])
    exchange.make()

    assert end_exchanges(artifacts, lambda mark: kept and mark == exchange.mark) == [exchange.mark]

    assert list(artifacts.files()) == ["results/two", "uploads/one"] if kept else ["uploads/one"]
    assert artifacts.read("uploads/one") == (b"new" if kept else b"old")
    assert end_exchanges(artifacts, lambda _: False) == []


@ON_ONE
def test_a_copy_of_an_upload_is_let_go_when_another_host_is_done_with_it(worker: Runtime, host: Host) -> None:
    other = artifacts_of(host("other"))
    worker.artifacts.write("uploads/one", [b"a text"])
    copy = other.fetched("uploads/one")
    assert copy.read_bytes() == b"a text"
    other.tidy()
    assert copy.exists()
    worker.artifacts.remove("uploads/one")
    assert not other.fetched("uploads/none").exists()
    other.tidy()
    assert not copy.exists()


@ON_ONE
def test_a_store_that_refuses_is_told_as_such(
    api: Winnow, worker: Runtime, host: Host, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = make_project(api, settings={"retrain_every": 10})
    sent(api, f"/v1/projects/{slug}/imports", as_csv(texts(60)))
    drain(worker)
    before = said(worker, slug)

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody answers")

    system = worker.artifacts._system  # type: ignore[attr-defined]  (fsspec has one for all who ask alike)
    with monkeypatch.context() as patch:
        for name in ("put_file", "cat_file", "pipe_file", "open"):
            patch.setattr(system, name, away)
        answer = api.post(f"/v1/projects/{slug}/imports", files={"file": ("rows.csv", b"text\none\n")})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        with pytest.raises(Unavailable, match="winnow cannot be reached: nobody answers"):
            said(Runtime(host("fresh"), worker.database, encoder), slug)
        assert said(worker, slug) == before  # what is loaded goes on answering
        with pytest.raises(Unavailable, match="nobody answers"):
            prepare._store(worker.settings)
    assert api.get(f"/v1/projects/{slug}/imports").json()["items"][0]["rows_added"] == 60, "the other one is not there"
    assert said(Runtime(host("fresh"), worker.database, encoder), slug) == before
    prepare._store(worker.settings)
    assert list(worker.artifacts.files("uploads")) == []


@ON_ONE
def test_a_job_waits_for_a_store_that_is_away_however_long_that_takes(
    api: Winnow, worker: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = make_project(api)
    job_id = sent(api, f"/v1/projects/{slug}/imports", as_csv(texts(60)))["job_id"]

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(worker.artifacts._system, "open", away)  # type: ignore[attr-defined]
        patch.setattr(jobs, "LOOK_AGAIN", timedelta(hours=1))  # ten seconds may go by before anybody looks
        for _ in range(2 * worker.settings.job_attempts):
            perform(worker, job_id)
        waiting = api.get(f"/v1/jobs/{job_id}").json()
        assert (waiting["status"], "cannot be reached: nobody answers" in waiting["error"]) == ("queued", True)
        with worker.database.transaction() as session:
            assert jobs.due(session) == [], "it is not tried again at once"
            assert figures(session).oldest_due_seconds > 0, "it is due all the while"
    drain(worker)
    perform(worker, job_id)
    drain(worker)
    done = api.get(f"/v1/jobs/{job_id}").json()
    assert (done["status"], done["error"]) == ("succeeded", None)


def test_an_address_of_no_store_is_refused() -> None:
    with pytest.raises(ValueError, match="artifacts_url"):
        Settings(artifacts_url="bucket/winnow")
    with pytest.raises(Unavailable, match="nowhere://x cannot be reached: Protocol not known: nowhere"):
        artifacts_of(Settings(artifacts_url="nowhere://x"))
