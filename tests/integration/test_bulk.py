"""A whole file answered: killed in the middle it goes on where it was, and the result is the same to the byte."""

import gzip
import json
from datetime import timedelta

import pytest

from models import jobs
from models.runtime import Runtime
from models.steps import batch, ingest
from models.steps.accounts import Caller
from models.steps.projects import find_project
from models.store.tables import JobRow, ProjectRow
from models.vocabulary import JobStatus
from models.work import Work
from worker.entry import perform

ROWS = 700
LINES = {
    "rows.csv": "\n".join(["no,body", *(f'{n},"ticket {n}, about money"' for n in range(ROWS))]),
    "rows.json": json.dumps([{"no": n, "body": f"ticket {n}"} for n in range(ROWS)]),
    "rows.jsonl": "\n".join(json.dumps({"no": n, "body": f"ticket {n}"}) for n in range(ROWS)),
    "rows.txt": "\n".join(f"ticket {n}" for n in range(ROWS)),
    "rows.csv.gz": "\n".join(["no,body", *(f"{n},ticket {n}" for n in range(ROWS))]),
}


class Killed(BaseException):
    """What a dead process does: nothing any more."""


def begin(runtime: Runtime, ann: Caller, project: ProjectRow, name: str, upload: str) -> str:
    content = LINES[name].encode()
    (ingest.upload_folder(runtime.settings) / upload).write_bytes(
        gzip.compress(content) if name.endswith("gz") else content
    )
    with runtime.database.transaction() as session:
        found = find_project(session, ann, project.slug)
        given = batch.Upload(name, f"uploads/{upload}")
        return batch.request_batch(session, ann, found, given, ingest.ImportOptions()).id


def attempt(runtime: Runtime, job_id: str, *, lease: timedelta = timedelta(seconds=-1)) -> Work:
    with runtime.database.transaction() as session:
        claim = jobs.claim(session, job_id, lease=lease, attempts=9)
    assert claim is not None
    return Work(runtime, claim)


def result(runtime: Runtime, job_id: str, name: str) -> bytes:
    with runtime.database.read() as session:
        row = session.get_one(JobRow, job_id)
        assert row.status is JobStatus.SUCCEEDED, row.error
        assert row.progress_done == ROWS
        data = runtime.artifacts.read(batch.result_name(row))
    return gzip.decompress(data) if name.endswith("gz") else data


@pytest.mark.parametrize("name", LINES)
def test_killed_again_and_again_it_goes_on_and_gives_the_same(
    runtime: Runtime, ann: Caller, project: ProjectRow, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begin(runtime, ann, project, name, "whole")
    perform(runtime, whole)
    job_id = begin(runtime, ann, project, name, "killed")
    encoded: list[int] = []
    encode = runtime.encoder.encode
    monkeypatch.setattr(runtime.encoder, "encode", lambda texts: encoded.append(len(texts)) or encode(texts))
    for blocks in (1, 1):
        work = attempt(runtime, job_id)
        left = [blocks + (1 if not encoded else 0)]  # the header of the first attempt counts too

        def until_killed(check=work.check, left=left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            check()

        work.check = until_killed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            batch.run_batch_predict(work)
    perform(runtime, job_id)
    assert result(runtime, job_id, name) == result(runtime, whole, name)
    assert sum(encoded) == ROWS, "no row was answered twice"
    assert [path.name for path in (runtime.settings.artifacts / "results").glob(f"{job_id}*")] == [f"{job_id}-3"]


def test_bytes_that_were_never_marked_are_not_taken_over(runtime: Runtime, ann: Caller, project: ProjectRow) -> None:
    job_id = begin(runtime, ann, project, "rows.csv", "torn")
    work = attempt(runtime, job_id)
    torn = runtime.settings.artifacts / "results" / f"{job_id}-{work.claim.token}"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_bytes(b"no,body,cat")
    torn.with_name(torn.name + ".marks").write_text("256 99999\n300")
    perform(runtime, job_id)
    assert result(runtime, job_id, "rows.csv").count(b"\r\n") == ROWS + 1
