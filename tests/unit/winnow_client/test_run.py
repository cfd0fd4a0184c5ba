"""A run of real processes: restarted when they die, ended together, and never left behind."""

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from winnow.supervisor.board import Board
from winnow.supervisor.child import Child, Part
from winnow.supervisor.guard import MARK, end_run
from winnow.supervisor.plan import CannotStartError, Plan, claim_folder
from winnow.supervisor.watch import Run

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
# Leaves its group as a daemon would, so that only the mark finds it.
DAEMON = (
    sys.executable,
    "-c",
    "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(600)",
)
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)",
)
SUPERVISOR = """
import sys
from pathlib import Path
from tests.unit.winnow_client.test_run import DAEMON, SLEEPER, a_run, part
with a_run(Path(sys.argv[1])) as run:
    run.turn()
    for number, command in enumerate((DAEMON, SLEEPER)):
        run.begin(part(run, f"p{number}", command))
    print(run.mark, flush=True)
    run.until(lambda: False)
"""


def part(run: Run, name: str, command: tuple[str, ...], **more: bool) -> Part:
    return Part(name, command, {**os.environ, MARK: run.mark}, **more)


def a_run(folder: Path, board: Board | None = None) -> Run:
    plan = Plan(data_dir=folder)
    return Run(plan, board or Board(Console(quiet=True)), claim_folder(plan))


def processes_of(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def eventually(condition, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(autouse=True)
def signals_as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_what_dies_is_started_again_and_said(tmp_path):
    console = Console(record=True, quiet=False, file=io.StringIO(), width=200)
    with a_run(tmp_path, Board(console)) as run:
        child = run.begin(part(run, "sleeper", SLEEPER))
        first = child.process.pid
        run.settled = True
        os.kill(first, signal.SIGKILL)
        run.until(lambda: child.alive and child.process.pid != first)
    said = console.export_text()
    assert "sleeper ended (SIGKILL); starting it again in 0.5 s" in said
    assert "sleeper started again" in said


def test_what_cannot_be_started_just_now_is_tried_again_and_ends_nothing(tmp_path):
    console = Console(file=io.StringIO(), record=True, width=300)
    with a_run(tmp_path, Board(console)) as run:
        child = run.begin(part(run, "sleeper", SLEEPER))
        other = run.begin(part(run, "other", SLEEPER))
        run.settled = True
        child.log.unlink()
        child.log.mkdir()  # as little to be opened as on a disk that can only be read
        child.process.kill()
        run.until(lambda: "sleeper cannot be started" in console.export_text(clear=False))
        assert other.alive
        child.log.rmdir()
        run.until(lambda: child.alive)
        assert "sleeper started again" in console.export_text()


def test_logs_that_were_deleted_are_begun_anew(tmp_path):
    with a_run(tmp_path) as run:
        child = run.begin(part(run, "sleeper", SLEEPER))
        run.settled = True
        first = child.process.pid
        shutil.rmtree(run.plan.logs)
        child.process.kill()
        run.until(lambda: child.alive and child.process.pid != first)
        assert child.log.is_file()


def test_a_start_that_fails_before_all_is_well_is_told(tmp_path):
    with a_run(tmp_path) as run:
        child = run.begin(part(run, "sleeper", SLEEPER))
        child.log.unlink()
        child.log.mkdir()
        child.process.kill()
        with pytest.raises(IsADirectoryError):
            run.until(lambda: False)


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_cannot_be_said_ends_nothing():
    board = Board(Console(file=FullDisk()))
    board.done("API")
    board.note("api started again")
    board.warn("api ended")
    board.line("api", "ERROR")
    with pytest.raises(OSError, match="No space"):  # here is the password, which is said once
        board.welcome({"Sign in": "admin / secret"})


def test_that_nobody_listens_any_more_ends_nothing():
    program = "from winnow.supervisor.board import Board\nfor _ in range(2): Board().note('api started again')"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert subprocess.run([sys.executable, "-c", program], stdout=writer, check=False).returncode == 0
    finally:
        os.close(writer)


def test_each_death_in_a_row_makes_the_wait_longer_up_to_a_bound(tmp_path):
    child = Child(Part("p", SLEEPER, {}), tmp_path / "p.log")
    waits = [child.note_death(child.started + 1.0) for _ in range(9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert child.note_death(child.started + 3600.0) == 0.5


def test_what_never_starts_ends_the_run_with_its_last_words(tmp_path):
    broken = (sys.executable, "-c", "raise SystemExit('the address is taken')")
    with a_run(tmp_path) as run:
        run.begin(part(run, "broken", broken))
        with pytest.raises(CannotStartError, match="broken does not start") as caught:
            run.until(lambda: False)
    assert "the address is taken" in str(caught.value)


def test_the_end_leaves_nothing_not_even_what_left_its_group(tmp_path):
    with a_run(tmp_path) as run:
        run.turn()
        run.begin(part(run, "daemon", DAEMON))
        run.begin(part(run, "sleeper", SLEEPER))
        assert eventually(lambda: len(processes_of(run.mark)) == 3)
        guard = run._guard
    assert eventually(lambda: processes_of(run.mark) == [])  # one that had to be killed is there for a moment still
    assert guard.poll() == 0


def test_what_does_not_listen_is_made_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr("winnow.supervisor.watch._GRACE_SECONDS", 0.3)
    with a_run(tmp_path) as run:
        child = run.begin(part(run, "stubborn", STUBBORN))
        run.until(lambda: b"deaf" in child.log.read_bytes())
        process = child.process
    assert process.returncode == -signal.SIGKILL


def test_a_killed_supervisor_leaves_no_process_and_no_lock(tmp_path):
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path)], stdout=subprocess.PIPE) as supervisor:
        mark = supervisor.stdout.readline().decode().strip()
        assert eventually(lambda: len(processes_of(mark)) == 3)
        supervisor.kill()
    assert eventually(lambda: processes_of(mark) == [])
    claim_folder(Plan(data_dir=tmp_path)).close()


def test_a_killed_guard_is_replaced_and_knows_the_processes(tmp_path):
    with a_run(tmp_path) as run:
        run.turn()
        run.begin(Part("unmarked", SLEEPER, os.environ))
        run._guard.kill()
        run._guard.wait()
        run.turn()
        process = next(iter(run._children.values())).process
        run._guard.stdin.close()
        assert eventually(lambda: process.poll() is not None)
        run._guard.wait()
        run._watch_guard()


def test_the_guard_ends_only_the_run_it_was_given():
    marks = [uuid.uuid4().hex for _ in range(2)]  # this test may run in another process of this machine too
    mine, other = (subprocess.Popen(SLEEPER, env={**os.environ, MARK: mark}) for mark in marks)
    try:
        assert eventually(lambda: all(processes_of(mark) for mark in marks))
        end_run(marks[0], set(), grace=60.0)
        assert mine.wait(timeout=60) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
        mine.wait()


def test_lines_that_matter_are_shown_and_the_log_before_is_kept(tmp_path):
    program = (sys.executable, "-c", "print('INFO fine'); print('ERROR disk'); print('half', end='')")
    for _ in range(2):
        child = Child.begin(Part("p", program, os.environ), tmp_path)
        child.process.wait()
    shown: list[str] = []
    child.show_news(shown.append)
    child.show_news(shown.append)

    assert shown == ["ERROR disk"]
    assert child.last_words(1) == "half"
    assert (tmp_path / "p.log.1").read_text().startswith("INFO fine")


def test_a_long_log_is_emptied_in_place_and_followed_on(tmp_path, monkeypatch):
    monkeypatch.setattr("winnow.supervisor.child._ROTATE_BYTES", 10)
    child = Child(Part("p", (), {}, talkative=True), tmp_path / "p.log")
    shown: list[str] = []
    child.log.write_text("first line, a long one\n")
    child.show_news(shown.append)
    assert child.log.stat().st_size == 0
    child.log.write_text("second\n")
    child.show_news(shown.append)
    assert shown == ["first line, a long one", "second"]


def test_a_long_log_is_emptied_though_it_cannot_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("winnow.supervisor.child._ROTATE_BYTES", 10)
    child = Child(Part("p", (), {}), tmp_path / "p.log")
    (tmp_path / "p.log.1").mkdir()  # as little to be written as on a full disk
    child.log.write_text("first line, a long one\n")
    child.show_news(print)
    assert child.log.stat().st_size == 0


def test_an_answer_stays_out_of_the_log(tmp_path):
    program = (sys.executable, "-c", "import sys; print('secret'); print('progress', file=sys.stderr)")
    child = Child.begin(Part("p", program, os.environ, once=True, answers=True), tmp_path)
    child.process.wait()
    assert child.answer() == "secret\n"
    assert child.log.read_text() == "progress\n"
