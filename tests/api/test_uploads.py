"""Files that come in: streamed to disk, bounded, and removed when nobody keeps them."""

import asyncio
import csv
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.learn.encoders import Encoder
from models.vocabulary import Role
from tests.api.conftest import Winnow, build, make_project, settings_for

BOUNDARY = "boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def kept(winnow: Winnow) -> list[Path]:
    folder = winnow.settings.artifacts / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


def send(winnow: Winnow, slug: str, body: bytes | Iterator[bytes], role: str = "manager"):
    return winnow.post(f"/v1/projects/{slug}/imports", role, content=body, headers=FORM)


def test_a_file_is_imported_byte_for_byte(winnow: Winnow, project: str) -> None:
    content = b"text,label\r\n" + "naïve,Billing\r\n".encode() + b'"two\r\n--boundar",Login\r\n'
    answer = send(winnow, project, part("label_field", b"label") + part("file", content, "C:\\data\\my file.csv") + END)
    assert answer.status_code == 202, answer.text
    assert kept(winnow)[0].read_bytes() == content
    winnow.work()
    done = winnow.get(f"/v1/projects/{project}/imports/{answer.json()['id']}").json()
    assert (done["filename"], done["status"]) == ("my file.csv", "succeeded")
    assert (done["rows_read"], done["rows_added"], done["rows_duplicate"], done["rows_rejected"]) == (2, 2, 0, 0)
    job = winnow.get(f"/v1/jobs/{answer.json()['job_id']}").json()
    assert job["status"] == "succeeded"
    assert [one["category"] for one in winnow.get(f"/v1/projects/{project}/items").json()["items"]] == [
        "Login",
        "Billing",
    ]
    assert kept(winnow) == []


def test_bad_rows_are_kept_with_their_lines(winnow: Winnow, project: str) -> None:
    answer = winnow.post(f"/v1/projects/{project}/imports", files={"file": ("x.csv", b"text,a\ngood,1\nbad\xff\xfe,2\n,3\n")},
                         data={"encoding": "utf-8", "text_fields": "text"})  # fmt: skip
    winnow.work()
    done = winnow.get(f"/v1/projects/{project}/imports/{answer.json()['id']}").json()
    assert done["rows_read"] == done["rows_added"] + done["rows_duplicate"] + done["rows_rejected"]
    assert done["rows_rejected"] == 2
    rejects = winnow.get(f"/v1/projects/{project}/imports/{answer.json()['id']}/rejects")
    assert rejects.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(rejects.text, newline="")))
    assert rows[0] == ["line", "reason", "row"]
    assert [row[0] for row in rows[1:]] == ["3", "4"]


def test_nobody_sends_a_byte_before_it_is_known_who_calls(winnow: Winnow, project: str) -> None:
    taken = []

    def body() -> Iterator[bytes]:
        taken.append(1)
        yield part("file", b"text", "x.txt") + END

    assert winnow.http.post(f"/v1/projects/{project}/imports", content=body(), headers=FORM).status_code == 401
    assert send(winnow, project, body(), "reviewer").status_code == 403
    assert not (winnow.settings.artifacts / "uploads").exists()


def test_a_file_for_a_project_that_is_not_there_is_not_kept(winnow: Winnow) -> None:
    assert send(winnow, "nowhere", part("file", b"text", "x.txt") + END).status_code == 404
    assert kept(winnow) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "ends in the middle"),
        (END, "is missing"),
        (part("file", b"text", "x.txt"), "ends in the middle"),
        (part("file", b"text", "x.txt")[:-4], "ends in the middle"),
        (part("other", b"x") + END, "is not a field of this form"),
        (part("file", b"a", "a") + part("file", b"b", "b") + END, "must be one file"),
        (part("format", b"csv") + part("format", b"json") + part("file", b"a", "a") + END, "must be given once"),
        (part("format", b"\xff") + part("file", b"a", "a") + END, "UTF-8"),
        (part("format", b"a\x00") + part("file", b"a", "a") + END, "UTF-8"),
        (part("format", b"x" * 70_000) + part("file", b"a", "a") + END, "longer"),
        (part("text_fields", b"[1]") + part("file", b"a", "a") + END, "JSON list"),
        (part("text_fields", b"[" * 50_000) + part("file", b"a", "a") + END, "JSON list"),
        (part("id_field", b"x") * 200 + part("file", b"a", "a") + END, "more than 100 parts"),
        (b"nonsense", "cannot be read"),
        (b"--boundary\r\nbroken header\r\n\r\n", "cannot be read"),
    ],
    ids=range(15),
)
def test_a_broken_form_is_refused_and_leaves_nothing(winnow: Winnow, project: str, body: bytes, what: str) -> None:
    answer = send(winnow, project, body)
    assert answer.status_code == 422, answer.text
    assert what in answer.text
    assert kept(winnow) == []


def test_names_are_taken_in_every_form(winnow: Winnow, project: str) -> None:
    path = f"/v1/projects/{project}/imports/preview"
    for fields in (["a", "b"], "a, b", '["a", "b"]'):
        answer = winnow.post(path, files={"file": ("x.csv", b"a,b,c\n1,2,3\n")}, data={"text_fields": fields})
        assert answer.status_code == 200, answer.text
    wrong = winnow.post(path, files={"file": ("x.csv", b"a,b,c\n1,2,3\n")}, data={"text_fields": "d"})
    assert wrong.status_code == 422


def test_a_preview_shows_the_first_rows_and_keeps_nothing(winnow: Winnow, project: str) -> None:
    files = {"file": ("x.csv", b"id;body;label\n1;hello there;Billing\n2;broken\n")}
    seen = winnow.post(f"/v1/projects/{project}/imports/preview", files=files).json()
    assert (seen["format"], seen["delimiter"], seen["compressed"]) == ("csv", ";", False)
    assert seen["columns"] == ["id", "body", "label"]
    assert seen["suggested"] == {"text_fields": ["body"], "id_field": "id", "label_field": "label"}
    assert seen["rows"][0] == {"id": "1", "body": "hello there", "label": "Billing"}
    assert seen["errors"][0]["line"] == 3
    assert kept(winnow) == []
    assert winnow.get(f"/v1/projects/{project}/items").json()["items"] == []


@pytest.fixture
def small(tmp_path: Path, sqlite_url: str, redis_url: str, encoder: Encoder) -> Iterator[Winnow]:
    """With room for small files only."""
    settings = settings_for(tmp_path / "data", sqlite_url, redis_url, max_upload_mb=24, max_body_mb=1)
    yield from build(settings, encoder)


def test_a_file_may_be_larger_than_other_bodies_but_not_without_end(small: Winnow) -> None:
    slug = make_project(small)

    def body(megabytes: int) -> Iterator[bytes]:
        yield part("file", b"", "x.txt")[:-2]
        for _ in range(megabytes):
            yield b"x" * 1023 + b"\n" + b"y" * (2**20 - 1024)
        yield b"\r\n" + END

    assert send(small, slug, body(4)).status_code == 202
    for too_large in (send(small, slug, body(30)), send(small, slug, b"".join(body(30)))):
        assert (too_large.status_code, too_large.json()["code"]) == (413, "too-large")
    assert len(kept(small)) == 1


def test_memory_does_not_grow_with_the_file(winnow: Winnow, project: str) -> None:
    megabytes = 48

    def body() -> Iterator[bytes]:
        yield part("file", b"", "x.txt")[:-2]
        for _ in range(megabytes * 16):
            yield b"0123456789abcde\n" * 4096
        yield b"\r\n" + END

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": f"/v1/projects/{project}/imports",
        "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http",
        "headers": [
            (b"content-type", FORM["Content-Type"].encode()), (b"x-api-key", winnow.keys[Role.MANAGER].encode())
        ],
    }  # fmt: skip
    pieces, statuses = body(), []

    async def receive() -> dict:
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send_back(message: dict) -> None:
        statuses.append(message.get("status"))

    tracemalloc.start()
    try:
        asyncio.run(winnow.app(scope, receive, send_back))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert statuses[0] == 202
    assert kept(winnow)[0].stat().st_size == megabytes * 2**20
    assert peak < 24 * 2**20


def test_a_caller_who_hangs_up_is_no_fault_of_the_server(
    winnow: Winnow, project: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = f"/v1/projects/{project}/imports"
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path,
        "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http",
        "headers": [
            (b"content-type", FORM["Content-Type"].encode()), (b"x-api-key", winnow.keys[Role.MANAGER].encode())
        ],
    }  # fmt: skip
    pieces = iter([part("file", b"half of a line", "x.txt")])
    answered = []

    async def receive() -> dict:
        piece = next(pieces, None)
        return (
            {"type": "http.disconnect"} if piece is None else {"type": "http.request", "body": piece, "more_body": True}
        )

    async def send_back(message: dict) -> None:
        answered.append(message)

    asyncio.run(winnow.app(scope, receive, send_back))

    assert answered == []
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []
    counted = [
        line for line in winnow.http.get("/metrics").text.splitlines() if line.startswith("winnow_http_requests_total")
    ]
    (line,) = [line for line in counted if "imports" in line]
    assert 'status="499"' in line
    assert kept(winnow) == []
