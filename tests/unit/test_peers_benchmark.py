"""What the comparison with other products does by itself: no product runs here."""

import csv
import http.server
import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from benchmarks import peers
from benchmarks._peer_cost import Meter
from benchmarks._peer_doccano import Doccano, labelled_in
from benchmarks._peer_environments import Pin, installed, interpreter
from benchmarks._peer_label_sleuth import Annotator as Browser
from benchmarks._peer_label_sleuth import LabelSleuth
from benchmarks._peer_label_studio import LabelStudio
from benchmarks._peer_line import Line, Refused
from benchmarks._peer_measures import by_turns, crowd, looks, relearnt, spread
from benchmarks._peer_processes import Processes, Unavailable
from benchmarks._peer_product import Item
from benchmarks._peer_rows import Rows, made, narrowed, words
from benchmarks._peer_table import ratios, show, twice
from benchmarks._peer_winnow import Winnow

ROWS = Rows(
    ["card lost 0", "where is it 1", "a “quoted”, text 2"], ["Cards", "Transfers", "Cards"], ["Cards", "Transfers"]
)


class Desk:
    """A product whose people all take from one pile."""

    def __init__(self, pile: list[str], *, same: bool = False) -> None:
        self.pile, self.same, self.lock = pile, same, threading.Lock()
        self.log: list[str] = []


class Sitting:
    """Somebody at a desk."""

    def __init__(self, desk: Desk, name: str = "", *, refuses: bool = False) -> None:
        self.desk, self.name, self.refuses = desk, name, refuses

    def ask(self) -> Item | None:
        with self.desk.lock:
            self.desk.log.append(self.name)
            if not self.desk.pile:
                return None
            return Item(self.desk.pile[0] if self.desk.same else self.desk.pile.pop(0), ROWS.texts[0])

    def answer(self, item: Item, label: str) -> None:
        assert item.text == ROWS.texts[0]
        assert label == "Cards"
        if self.refuses:
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "database is locked")


def test_above_one_means_that_winnow_is_ahead() -> None:
    peer = {
        "import": {"seconds": 6.0, "peak_mib": 500},
        "crowd": {"labels_per_second": 4.0, "labels": 40},
        "next_ms": {},
    }
    winnow = {"import": {"seconds": 2.0, "peak_mib": 250}, "crowd": {"labels_per_second": 20.0, "labels": 200}}
    assert ratios(peer, winnow) == {"import": {"seconds": 3.0, "peak_mib": 2.0}, "crowd": {"labels_per_second": 5.0}}


def test_nothing_is_no_measure_to_compare_with() -> None:
    assert ratios({"seconds": 1.0}, {"seconds": 0}) == {}
    assert ratios({"labels_per_second": 0.0}, {"labels_per_second": 3.0}) == {}


def test_labels_on_an_item_that_had_one_are_told() -> None:
    assert twice({"labels": 10, "items_labelled": 7}) == 3


def test_the_table_has_every_figure_and_who_is_missing() -> None:
    side: dict[str, Any] = {
        "import": {"seconds": 1234.5, "processor_seconds": 12.34, "peak_mib": 400},
        "next_ms": {"p50": 3.456, "p95": 50.0},
        "submit_ms": {"p50": 3.0, "p95": 5.0},
        "crowd": {"labels_per_second": 9.0, "labels": 90, "items_labelled": 80},
        "export": {"seconds": 2.0, "processor_seconds": 1.0},
    }
    lesson = {"peer": {"seconds": 8.0, "mib": 300}, "winnow": {"seconds": 2.0, "mib": 500}, "ratio": 4.0}
    peer = {"version": "1", "settings": "as it comes", "peer": side, "winnow": side, "ratios": ratios(side, side)}
    report = {
        "command": "python -m benchmarks.peers",
        "machine": "a machine",
        "python": "3.11",
        "winnow_version": "1",
        "seed": 0,
        "load_at_start": 0.1,
        "minutes": 3.0,
        "rows": 100_000,
        "exported": 10_000,
        "people": 8,
        "peers": {"one": peer | {"learning": {"1000": lesson}}},
        "left_out": {"other": "no Python 3.9"},
    }
    lines = show(report).splitlines()
    assert "| import of 100,000 rows, s | 1,234 | 1,234 | **1.0** |" in lines
    assert "| next item at 100,000, p50 ms | 3.46 | 3.46 | **1.0** |" in lines
    assert "| … labels on an item that had one | 10 of 90 | 10 of 90 |  |" in lines
    assert "| last label → new predictions of all 1,000, s | 8 | 2 | **4.0** |" in lines
    assert "**other** is left out: no Python 3.9" in lines


def test_people_who_are_shown_the_same_are_told_from_people_who_are_not() -> None:
    desk = Desk(["a"], same=True)
    found = crowd([Sitting(desk) for _ in range(3)], ROWS, 0)
    assert (found["people_asked"], found["items_shown_first"]) == (3, 1)
    assert (found["labels"], twice(found)) == (3, 2)

    desk = Desk([str(number) for number in range(8)])
    found = crowd([Sitting(desk) for _ in range(4)], ROWS, 0)
    assert (found["people_asked"], found["items_shown_first"]) == (4, 4)
    assert (found["labels"], twice(found)) == (4, 0)


def test_a_refusal_is_no_label_and_nothing_to_ask_is_no_refusal() -> None:
    found = crowd([Sitting(Desk(["a"]), refuses=True), Sitting(Desk([]))], ROWS, 0)
    assert (found["labels"], found["refused"], found["without_a_question"]) == (0, 1, 1)
    assert found["people_asked"] == 1


def test_products_take_turns() -> None:
    desk = Desk(["a"], same=True)
    found = by_turns({name: Sitting(desk, name) for name in ("one", "two")}, ROWS, turns=2, each=2)
    assert "".join(name[0] for name in desk.log) == "ooottt" + 2 * "oott"
    assert found["one"]["next_ms"]["count"] == found["two"]["submit_ms"]["count"] == 4


def test_a_pile_that_ends_is_told() -> None:
    with pytest.raises(ValueError, match="nothing is left"):
        by_turns({"one": Sitting(Desk(["a"]))}, ROWS, turns=1, each=1)


def test_each_lesson_is_of_labels_that_are_new() -> None:
    class Pupil:
        every = 20

        def __init__(self, name: str) -> None:
            self.name, self.starts = name, list[int]()

        def relearn(self, project: str, _: Rows, start: int) -> float:
            assert project == f"of {self.name}"
            self.starts.append(start)
            return float(len(self.starts))

    pupils: Any = [Pupil("one"), Pupil("two")]
    found = relearnt(pupils, {one.name: f"of {one.name}" for one in pupils}, ROWS, 300, 3)
    assert [one.starts for one in pupils] == [[300, 320, 340]] * 2
    assert found == [{"seconds": 2.0, "each": [1.0, 2.0, 3.0]}] * 2


def test_spread_of_one_and_of_many() -> None:
    assert spread([2.0]) == {"p50": 2.0, "p95": 2.0, "count": 1}
    assert spread([float(number) for number in range(100)]) == {"p50": 49.5, "p95": 95.0, "count": 100}


def test_a_look_without_end_ends() -> None:
    with pytest.raises(TimeoutError, match="not done after 0 s"):
        list(looks(0, 0))


def test_rows_are_the_same_for_the_same_seed_and_say_their_label() -> None:
    rows = made(50, 3)
    assert rows == made(50, 3) != made(50, 4)
    assert len(set(rows.texts)) == 50
    assert [rows.label(text) for text in rows.texts] == rows.labels
    assert set(rows.labels) <= set(rows.names)
    assert {word for text in rows.texts for word in text.split()[:-1]} <= set(words(3))
    two = narrowed(rows)
    assert two.texts == rows.texts
    wanted = [label in rows.names[:3] for label in rows.labels]
    assert [label == two.names[0] for label in two.labels] == wanted
    assert set(two.labels) == set(two.names)


def test_each_product_gets_the_same_rows_in_its_own_format(tmp_path: Path) -> None:
    bare: Any = None
    file = tmp_path / "rows.json"
    LabelStudio.write(bare, ROWS, file, labelled=True)
    tasks = json.loads(file.read_text())
    assert [task["data"]["text"] for task in tasks] == ROWS.texts
    assert [task["annotations"][0]["result"][0]["value"]["choices"] for task in tasks] == [[one] for one in ROWS.labels]
    LabelStudio.write(bare, ROWS, file, labelled=False)
    assert json.loads(file.read_text())[0] == {"data": {"text": "card lost 0"}}

    Doccano.write(bare, ROWS, file, labelled=True)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == [{"text": text, "label": [label]} for text, label in zip(ROWS.texts, ROWS.labels, strict=True)]

    Winnow.write(bare, ROWS, file, labelled=False)
    assert rows_of(file)[2] == {"id": "2", "text": ROWS.texts[2], "label": ""}

    file = tmp_path / "rows.csv"
    LabelSleuth.write(bare, ROWS, file, labelled=True)
    assert [row["text"] for row in rows_of(file)] == ROWS.texts
    labels = rows_of(tmp_path / "rows.labels.csv")
    assert labels[1] == {"text": ROWS.texts[1], "category_name": "Cards", "label": "False"}
    assert [row["label"] for row in labels] == ["True", "False", "True"]


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_an_exported_archive_is_counted_by_its_labels() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("all.jsonl", '{"text": "a", "label": ["Cards"]}\n{"text": "b", "label": []}\n')
        archive.writestr("unknown.jsonl", '{"text": "c", "label": ["Cards"]}\n')
    assert labelled_in(content.getvalue()) == 2


class Answers(http.server.BaseHTTPRequestHandler):
    """Says what it was sent, gives a cookie, and hangs up or refuses where it is told; has a list of what to label."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/silent":
            self.close_connection = True
            return
        told: dict[str, Any] = {
            "cookie": self.headers.get("Cookie"),
            "kind": self.headers.get("Content-Type"),
            "body": body.decode(),
        }
        address = urlsplit(self.path)
        if address.path.endswith("/active_learning"):  # three elements, two a page, of which the last has no label yet
            start = int(parse_qs(address.query)["start_idx"][0])
            listed = [
                {"id": str(one), "text": f"row {one}", "user_labels": {} if one == 2 else {"0": "true"}}
                for one in range(3)
            ]
            told = {"elements": listed[start : start + 2]}
        content = b"no room" if self.path == "/refuse" else json.dumps(told).encode()
        self.send_response({"/refuse": 507, "/moved": 302}.get(self.path, 200))
        self.send_header("Set-Cookie", "session=abc; Path=/; HttpOnly")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - so http.server calls it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("keep", [True, False])
def test_a_line_keeps_cookies_and_sends_json_forms_and_files(port: int, tmp_path: Path, *, keep: bool) -> None:
    line = Line(port, keep=keep)
    assert line.get("/")["cookie"] is None
    told = line.send("POST", "/", {"a": 1})
    assert (told["cookie"], told["kind"], told["body"]) == ("session=abc", "application/json", '{"a": 1}')
    assert json.loads(line.form("/moved", {"a": "b c"}))["body"] == "a=b+c"
    file = tmp_path / "rows.csv"
    file.write_bytes(b"text\r\none")
    told = json.loads(line.upload("/", file, "file", "text/csv"))
    mark = told["kind"].partition("boundary=")[2]
    assert told["body"].startswith(f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n')
    assert told["body"].endswith(f"text\r\none\r\n--{mark}--\r\n")
    line.close()


def test_where_all_of_a_list_has_labels_the_next_page_is_asked_for(port: int) -> None:
    person = Browser(port, "rows", 0, "Cards")
    assert person.ask() == Item("2", "row 2")


def test_a_refusal_says_what_was_refused_and_the_line_goes_on(port: int) -> None:
    line = Line(port)
    with pytest.raises(Refused, match="507 to GET /refuse: no room") as refused:
        line.get("/refuse")
    assert refused.value.status == HTTPStatus.INSUFFICIENT_STORAGE
    with pytest.raises(OSError, match="GET /silent"):
        line.get("/silent")
    assert line.get("/")["kind"] is None
    line.close()


def test_what_children_spend_and_hold_is_counted() -> None:
    burn = (
        "import time; input(); held, end = bytearray(60_000_000), time.process_time() + 0.5\n"
        "while time.process_time() < end: pass\nprint('done', flush=True); input()"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); sys.stdin.read()"
    process = psutil.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1)
    try:
        with Meter([process.pid]) as meter:
            process.stdin.write(b"begin\n")  # not before: what it spends until somebody looks is not counted
            process.stdin.flush()
            assert process.stdout.readline() == b"done\n"
    finally:
        process.kill()
        for child in process.children(recursive=True):
            child.kill()
        process.wait()
    assert meter.cost.processor_seconds > 0.4
    assert meter.cost.mib > 57


def processes(folder: Path) -> Processes:
    return Processes(Path(sys.executable), folder, {})


def test_a_command_that_fails_gives_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"`migrate` failed: .*no such table"):
        processes(tmp_path).run("migrate", sys.executable, "-c", "raise SystemExit('no such table')")


def test_a_server_that_ends_at_once_is_not_waited_for(tmp_path: Path) -> None:
    server = processes(tmp_path)
    server.start("web", sys.executable, "-c", "raise SystemExit('address in use')")

    def never() -> None:
        raise OSError

    with pytest.raises(Unavailable, match=r"`web` ended: address in use"):
        server.until(never)
    server.end()


def test_what_a_server_started_ends_with_it(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stubborn!r}]).wait()"
    server = processes(tmp_path)
    server.start("web", sys.executable, "-c", code)

    def up() -> None:
        if (tmp_path / "web.log").read_text() != "up\n":
            raise OSError

    server.until(up)
    family = psutil.Process(server.pids[0]).children(recursive=True)
    assert len(family) == 1
    server.end()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def test_an_environment_made_from_the_same_pins_is_used_again(tmp_path: Path) -> None:
    pin = Pin("some-peer", ("some-peer==1", "other==2"), ("0.1",))
    with pytest.raises(Unavailable, match=r"needs Python 0\.1.*put one on the path"):
        installed(pin, tmp_path)
    (tmp_path / "some-peer").mkdir()
    (tmp_path / "some-peer" / "made-from").write_text("some-peer==1\nother==2")
    assert installed(pin, tmp_path) == tmp_path / "some-peer" / "bin" / "python"


def test_an_interpreter_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python0.2").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert interpreter(("0.1", "0.2")) == str(tmp_path / "python0.2")


def test_others_go_on_where_one_cannot_be_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compared(name: str, *_: object) -> dict[str, Any]:
        if name == "doccano":
            raise Unavailable("it could not be installed")
        return {"version": "1"}

    monkeypatch.setattr(peers, "compared", compared)
    monkeypatch.setattr(peers, "show", lambda report: f"left out: {report['left_out']}")
    file = tmp_path / "peers.json"
    monkeypatch.setattr(sys, "argv", ["peers", "--json", str(file)])
    with pytest.raises(SystemExit) as ended:
        peers.main()
    assert ended.value.code == 1
    report = json.loads(file.read_text())
    assert list(report["peers"]) == ["label-studio", "label-sleuth"]
    assert report["left_out"] == {"doccano": "Unavailable: it could not be installed"}
    assert "could not be installed" in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", ["peers", "--only", "label-studio"])
    with pytest.raises(SystemExit) as ended:
        peers.main()
    assert ended.value.code == 0
