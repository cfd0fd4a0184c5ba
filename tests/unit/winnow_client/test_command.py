"""The command: what it asks of the server, what it prints, and how it says what went wrong."""

import json
import os
import sys

import pytest

from tests.unit.winnow_client.conftest import Answer
from winnow.cli import main

STATS = {
    "items": {"total": 9, "embedded": 9, "decided": 4},
    "queue": {"open": 3, "leased": 1},
    "decisions": {"total": 4, "by_category": {"Billing": 4}},
    "serving_model": 2,
    "training": {"running": False, "decisions_since_last": 1},
    "automation": {"threshold": None, "share": None, "target_accuracy": 0.95},
    "accuracy": {"accuracy": 0.9, "low": 0.8, "high": 0.95, "audited": 40, "model_version": 2},
}
PREDICTION = {
    "prediction_id": "1",
    "category": "Billing",
    "confidence": 0.934,
    "decision": "accept",
    "top": [{"category": "Billing", "confidence": 0.934}, {"category": "Login", "confidence": 0.05}],
    "item_id": None,
}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No variable and no data folder of the machine has a say; lines are wide enough not to break."""
    for name in ("API_URL", "API_KEY", "USERNAME", "PASSWORD", "DATA_DIR", "API_PORT"):
        monkeypatch.delenv(f"WINNOW_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def winnow(server, monkeypatch, capsys):
    """Runs the command against the loopback server; gives exit code, output and error output."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["winnow", "--url", server.url, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def test_a_key_of_this_machine_is_used_where_nobody_says_who_they_are(server, winnow, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "local.key").write_text("operator\n")
    server.behaviour = lambda _asked: Answer(STATS)

    winnow("--data-dir", "data", "status", "tickets")
    winnow("--data-dir", "data", "--api-key", "given", "status", "tickets")

    assert [asked.headers["x-api-key"] for asked in server.asked] == ["operator", "given"]


def test_import_reports_every_row_and_saves_the_rejects(server, winnow, tmp_path):
    (tmp_path / "t.csv").write_text("subject\nhello\n")
    status = {"rows_read": 3, "rows_added": 1, "rows_duplicate": 1, "rows_rejected": 1, "note": "An export."}
    server.answers(
        Answer({"id": "1", "job_id": "2"}, 202),
        Answer({"id": "2", "kind": "import", "status": "succeeded"}),
        Answer({"id": "1", "filename": "t.csv", "status": "succeeded", **status}),
        Answer(b"line,reason,row\n3,bad,x\n", kind="text/csv"),
    )

    code, out, err = winnow(
        "import", "tickets", "t.csv", "--text-field", "subject", "--text-field", "body", "--rejects", "r.csv"
    )

    assert code == 0
    assert "An export." in err
    assert out == "3 rows read: 1 added, 1 known already, 1 rejected\n"
    assert (tmp_path / "r.csv").read_text() == "line,reason,row\n3,bad,x\n"
    assert server.asked[0].body.count(b'name="text_fields"') == 2


def test_predict_shows_category_confidence_and_decision(server, winnow):
    server.answers(Answer({"model_version": 2, "predictions": [PREDICTION]}))

    code, out, err = winnow("predict", "tickets", "I was charged [twice]")

    assert code == 0
    for part in ("Billing", "93.4 %", "accept", "Login 5.0 %", "I was charged [twice]"):
        assert part in out
    assert "version 2" in err


def test_json_is_all_that_stands_on_the_output(server, winnow):
    server.answers(Answer({"model_version": 2, "predictions": [PREDICTION]}))

    _code, out, _err = winnow("--json", "predict", "tickets", "charged twice")

    assert json.loads(out)["predictions"][0]["confidence"] == 0.934


def test_a_file_is_predicted_into_a_file(server, winnow, tmp_path):
    (tmp_path / "t.txt").write_text("charged twice\n")
    server.answers(
        Answer({"id": "5", "kind": "batch_predict", "status": "queued"}, 202),
        Answer({"id": "5", "kind": "batch_predict", "status": "succeeded", "result": {"url": "/v1/r"}}),
        Answer(b"text,category\ncharged twice,Billing\n", kind="text/csv"),
    )

    reading = ("--format", "csv", "--text-field", "a", "--text-field", "b", "--encoding", "cp1252", "--delimiter", "|")
    code, out, _err = winnow("predict", "tickets", "--file", "t.txt", "--out", "answers.csv", *reading)

    assert (code, out) == (0, "")
    sent = server.asked[0].body
    assert sent.count(b'name="text_fields"') == 2
    for name, value in ((b"format", b"csv"), (b"encoding", b"cp1252"), (b"delimiter", b"|")):
        assert b'name="%s"\r\n\r\n%s\r\n' % (name, value) in sent
    assert (tmp_path / "answers.csv").read_bytes().endswith(b"charged twice,Billing\n")


def test_an_export_that_breaks_leaves_no_half_file(server, winnow, tmp_path):
    server.answers(Answer(b"half", headers={"Content-Length": "100", "Connection": "close"}))

    code, _out, err = winnow("export", "tickets", "--out", "all.csv")

    assert code == 1
    assert "broke" in err
    assert list(tmp_path.iterdir()) == []


def test_an_export_to_a_pipe_or_through_a_link_leaves_it_what_it_is(server, winnow, tmp_path):
    server.behaviour = lambda _asked: Answer(b"id,text\n1,a\n", kind="text/csv")
    (tmp_path / "link").symlink_to(tmp_path / "all.csv")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    assert [winnow("export", "tickets", "--out", name)[0] for name in ("pipe", "link")] == [0, 0]

    assert os.read(reader, 100) == (tmp_path / "all.csv").read_bytes() == b"id,text\n1,a\n"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_export_goes_to_the_output_byte_for_byte(server, winnow):
    server.answers(Answer("id,text\n1,größer [b]\n".encode(), kind="text/csv"))

    assert winnow("export", "tickets", "--state", "decided")[1] == "id,text\n1,größer [b]\n"


def test_status_shows_health_and_projects(server, winnow):
    parts = {"database": {"ok": True}, "redis": {"ok": False, "detail": "refused"}}
    server.answers(
        Answer({"status": "unready", "parts": parts}, 503),
        Answer({"items": [{"slug": "tickets", "name": "Tickets"}], "next_cursor": None}),
        Answer(STATS),
    )

    code, out, _err = winnow("status")

    assert code == 0
    assert "unready (database ok, redis refused)" in out
    assert "90.0 %" in out


@pytest.mark.parametrize(("same", "ends_with"), [(True, 0), (False, 1)])
def test_train_reproduces_a_version_and_tells_by_its_code(server, winnow, same, ends_with):
    server.answers(
        Answer({"id": "5", "kind": "reproduce", "status": "queued"}, 202),
        Answer(
            {"id": "5", "kind": "reproduce", "status": "succeeded", "result": {"same": same, "summary": "So it is."}}
        ),
    )
    assert winnow("train", "tickets", "--reproduce", "3")[:2] == (ends_with, "So it is.\n")
    assert server.asked[0].path == "/v1/projects/tickets/models/3/reproduce"


def test_train_waits_and_names_the_version(server, winnow):
    version = {
        "version": 3,
        "status": "serving",
        "trained_on": {"decisions": 60, "categories": 5},
        "metrics": {"accuracy": 0.9},
    }
    server.answers(
        Answer({"id": "5", "kind": "train", "status": "queued"}, 202),
        Answer({"id": "5", "kind": "train", "status": "succeeded"}),
        Answer({"items": [version], "next_cursor": None}),
    )

    assert winnow("train", "tickets")[1] == ("Version 3: serving, learned from 60 decisions, accuracy 90.0 %\n")


def test_a_key_is_printed_alone(server, winnow):
    server.answers(Answer({"id": "1", "name": "shop", "role": "program", "secret": "s3cret[b]"}, 201))

    _code, out, err = winnow("apikey", "shop", "--days", "30")

    assert out == "s3cret[b]\n"
    assert "shown this once" in err
    assert "expires_at" in server.asked[0].json


def test_createuser_takes_the_password_from_the_environment(server, winnow, monkeypatch):
    monkeypatch.setenv("WINNOW_NEW_PASSWORD", "a long password")
    server.answers(Answer({"id": "1", "username": "ann", "role": "manager"}, 201))

    assert winnow("createuser", "ann", "--role", "manager")[1] == "ann may sign in as manager\n"
    assert server.asked[0].json == {"username": "ann", "password": "a long password", "role": "manager"}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer({"detail": "There is no project tickets."}, 404), "There is no project tickets."),
        (Answer({"detail": "Nobody is signed in."}, 401), "Say who you are: --api-key"),
        (Answer({"detail": "Two categories are needed."}, 409), "Two categories are needed."),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(server, winnow, answer, sentence):
    server.answers(answer)

    code, out, err = winnow("predict", "tickets", "x")

    assert (code, out) == (1, "")
    assert err.startswith("winnow: ")
    assert sentence in err
    assert "Traceback" not in err


def test_texts_and_a_file_together_are_refused(winnow, tmp_path):
    (tmp_path / "t.txt").write_text("x")
    assert winnow("predict", "tickets", "x", "--file", "t.txt")[0] == 2
    assert winnow("predict", "tickets")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "tickets", "--out", "none/x.csv"),
        ("export", "tickets", "--out", "."),
        ("predict", "tickets", "--file", "t.txt", "--out", "none/x.csv"),
        ("import", "tickets", "t.txt", "--rejects", "none/x.csv"),
        ("predict", "tickets", "x", "--out", "x.csv"),
        ("predict", "tickets", "x", "--delimiter", ";"),
        ("apikey", "k", "--days", "99999999"),
        ("backup", "here.zip"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_asked(server, winnow, tmp_path, arguments):
    (tmp_path / "t.txt").write_text("x")

    code, out, err = winnow(*arguments)

    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert server.asked == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.txt"]


def test_a_file_that_cannot_be_written_is_a_sentence(server, winnow):
    server.behaviour = lambda _asked: Answer(b"id\n", kind="text/csv")

    code, out, err = winnow("export", "tickets", "--out", "x" * 300)

    assert (code, out) == (2, "")
    assert "File name too long" in err
    assert "Traceback" not in err


def test_an_address_of_another_program_is_a_sentence(server, winnow):
    server.behaviour = lambda _asked: Answer(b"<html>", kind="text/html")

    code, out, err = winnow("status")

    assert (code, out) == (1, "")
    assert "Is the address that of the API?" in err


def test_json_tells_of_a_file_of_answers_too(server, winnow, tmp_path):
    job = {"id": "8", "kind": "batch_predict", "status": "succeeded", "result": {"url": "/v1/jobs/8/result"}}
    server.behaviour = lambda asked: (
        Answer(b"text\n", kind="text/csv") if asked.path.endswith("/result") else Answer(job)
    )
    (tmp_path / "t.txt").write_text("x")

    _, out, _ = winnow("--json", "predict", "tickets", "--file", "t.txt", "--out", "a.csv")

    assert json.loads(out) == {"file": "a.csv", "bytes": 5}
