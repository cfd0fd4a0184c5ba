"""What an attacker tries first, each once: that it fails is what `docs/security.md` promises."""

import gzip
import io
import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import api.paging
import models.steps.accounts
from models.bounded import Bounded
from models.errors import Invalid
from models.store.tables import ApiKeyRow, ImportRow, UserRow
from tests.api.conftest import PASSWORD, Winnow

ROOT = Path(__file__).resolve().parents[2]
P = "/v1/projects/support-tickets"


class Bang:
    """What runs if anybody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        return Path.write_text, (self.mark, "pwned")


def uploaded(winnow: Winnow, name: str, content: bytes):
    started = winnow.post(f"{P}/imports", files={"file": (name, content)})
    assert started.status_code == 202, started.text
    winnow.work()
    return winnow.get(f"{P}/imports/{started.json()['id']}").json()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["rows.pkl", "rows.csv", "rows.json", "rows.parquet"])
def test_a_pickle_in_an_upload_runs_nothing(winnow: Winnow, name: str, tmp_path: Path) -> None:
    mark = tmp_path / "it-ran"
    uploaded(winnow, name, pickle.dumps(Bang(mark)))
    assert not mark.exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "..\\..\\windows\\system.ini", "/etc/passwd", "a/../../b.csv", "..", "a\x00b", "x\r\ny: z"],
)
def test_a_file_name_leads_nowhere(winnow: Winnow, name: str) -> None:
    before = {path for path in winnow.settings.data_dir.rglob("*") if path.is_file()}
    started = winnow.post(f"{P}/imports", files={"file": (name, b"a line of text\n")})
    if started.status_code == 422:
        return
    with winnow.database.read() as session:
        row = session.scalars(select(ImportRow)).one()
    assert re.fullmatch(r"uploads/[0-9a-f]{32}", row.path)
    assert not re.search(r"[/\\\r\n\x00]", row.filename)
    new = {path for path in winnow.settings.data_dir.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(winnow.settings.data_dir) for path in new)


@pytest.mark.usefixtures("project")
def test_a_decompression_bomb_is_cut_off(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winnow.context.runtime, "settings", winnow.settings.model_copy(update={"max_upload_mb": 1}))
    line = b"a long line of text that says nothing at all\n"
    bombs = {
        "bomb.csv.gz": gzip.compress(b"text\n" + line * 400_000),
        "nested.txt.gz": gzip.compress(gzip.compress(b"x" * 5_000_000)),
    }
    for name, content in bombs.items():
        assert len(content) < 200_000
        found = uploaded(winnow, name, content)
        assert found["rows_added"] <= 1000, "the same line is one item, and what lies beyond the bound is not read"
        assert found["status"] in {"succeeded", "failed"}


@pytest.mark.usefixtures("project")
def test_archives_are_not_opened(winnow: Winnow) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.txt", "text\n")
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        member = tarfile.TarInfo("../../evil.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"text\n"))
    for name, content in (("rows.zip", packed.getvalue()), ("rows.tar.gz", tarred.getvalue())):
        uploaded(winnow, name, content)
    assert not list(winnow.settings.data_dir.parent.rglob("evil.txt"))


@pytest.mark.usefixtures("project")
def test_a_formula_goes_out_as_text(winnow: Winnow) -> None:
    formulas = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1"]
    winnow.post(f"{P}/items", json={"items": [{"id": f"={n}", "text": text} for n, text in enumerate(formulas)]})
    told = winnow.get(f"{P}/export?format=csv").text
    cells = re.findall(r'(?:^|,)"?([=+@\t\r-][^,"]*)', told, flags=re.MULTILINE)
    assert [cell for cell in cells if cell.strip()] == [], "no cell begins as a formula does"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/users", {"username": "eve", "password": PASSWORD, "role": "reviewer", "active": True}),
        ("/v1/users", {"username": "eve", "password": PASSWORD, "id": 1}),
        ("/v1/users", {"username": "eve", "password": PASSWORD, "password_hash": "x"}),
        ("/v1/api-keys", {"name": "eve", "role": "program", "created_by": "user:1"}),
        ("/v1/api-keys", {"name": "eve", "role": "program", "key_hash": "AAAA"}),
        ("/v1/projects", {"name": "eve", "salt": "0" * 32}),
        ("/v1/projects", {"name": "eve", "serving_model": 7}),
        (f"{P}/items", {"items": [{"text": "x", "state": "decided"}]}),
        (f"{P}/items", {"items": [{"text": "x", "project_id": "1"}]}),
        (f"{P}/webhooks", {"url": "https://example.com/", "events": ["item.decided"], "failures": 0}),
    ],
)
def test_no_field_is_set_that_is_not_meant_to_be(winnow: Winnow, project: str, path: str, body: dict[str, Any]) -> None:
    assert project
    answer = winnow.post(path, json=body)
    assert answer.status_code == 422, answer.text
    with winnow.database.read() as session:
        assert session.scalar(select(UserRow.id).where(UserRow.username == "eve")) is None
        assert session.scalar(select(ApiKeyRow.id).where(ApiKeyRow.name == "eve")) is None


def test_nobody_raises_the_own_role(winnow: Winnow) -> None:
    winnow.post("/v1/users", json={"username": "eve", "password": PASSWORD, "role": "manager"})
    token = winnow.sign_in("eve").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for method, path, body in (
        ("PATCH", "/v1/users/2", {"role": "admin"}),
        ("POST", "/v1/users", {"username": "eve2", "password": PASSWORD, "role": "admin"}),
        ("POST", "/v1/api-keys", {"name": "eve", "role": "admin"}),
    ):
        assert winnow.http.request(method, path, json=body, headers=headers).status_code == 403


@pytest.mark.timeout(60)
def test_no_pattern_blows_up() -> None:
    """Patterns that see what a caller sends, with the texts that make bad ones take for ever."""
    compiled = re.compile(r"re\.compile\(\s*(rb?|br?)\"((?:[^\"\\]|\\.)*)\"")
    patterns = [
        (path.name, found.group(2), "b" in found.group(1))
        for folder in ("api", "models")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for found in compiled.finditer(path.read_text(encoding="utf-8"))
    ]
    assert len(patterns) > 10
    for seed in ("a", "0", "-", ".", " ", "\t", "_", "=", "a-", "a.", "9 ", "{", "[", '"', "\\", "\n"):
        evil = (seed * 30_000)[:30_000] + "\x00!"
        for name, pattern, raw in patterns:
            text: Any = evil.encode() if raw else evil
            made: Any = re.compile(pattern.encode() if raw else pattern)
            made.fullmatch(text)
            made.match(text)
            assert name
    assert models.steps.accounts.MAX_PASSWORD_CHARS <= 1024, "nor does a long password keep argon2 busy"
    with pytest.raises(Invalid):
        api.paging.read_cursor("a" * 100)


def test_nobody_learns_which_names_there_are(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.throttle.time.time", lambda: 1_000_000_010.0)
    known, unknown = winnow.sign_in("ada", "wrong"), winnow.sign_in("nobody", "wrong")
    strip = {"request_id"}
    told = [{name: value for name, value in one.json().items() if name not in strip} for one in (known, unknown)]
    assert told[0] == told[1]
    assert known.status_code == unknown.status_code == 401
    length = winnow.settings.sign_in_failures
    for name in ("ada", "nobody"):
        statuses = [winnow.sign_in(name, "wrong").status_code for _ in range(length)]
        assert statuses == [401] * (length - 1) + [429], "both are throttled alike"


def test_a_tampered_bundle_answers_503_and_runs_nothing(winnow: Winnow, project: str, tmp_path: Path) -> None:
    items = [{"text": "charged twice", "category": "Billing"}, {"text": "cannot sign in", "category": "Login"}]
    winnow.post(f"{P}/items", json={"items": items})
    winnow.post(f"{P}/train")
    winnow.work()
    mark = tmp_path / "it-ran"
    (head,) = (winnow.settings.artifacts / "bundles").rglob("head.safetensors")
    head.write_bytes(pickle.dumps(Bang(mark)))
    runtime = winnow.context.runtime  # another process, which has loaded nothing yet
    runtime.heads._kept, runtime.at_hand = Bounded(8), Bounded(8)
    answer = winnow.post(f"/v1/projects/{project}/predict", json={"items": [{"text": "x"}], "model_version": 1})
    assert (answer.status_code, answer.json()["code"]) == (503, "bundle-broken")
    assert not mark.exists()
