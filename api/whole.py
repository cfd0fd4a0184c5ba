"""An endpoint's work in one thread: from the beginning of its transaction to the commit.

FastAPI gives a thread of their own to what opens a session, to the endpoint, to the check of its answer and to the
commit, one after the other. Between them a request holds its transaction and waits for the event loop: on SQLite, where
one request writes at a time, so does everybody else who writes.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import wraps
from typing import Any

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Promised:
    """A session that an endpoint asks for, until its thread is there to open it."""

    open: Callable[[], AbstractContextManager[Session]]


def whole(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The endpoint, with the sessions that it was promised open for as long as it runs, and no longer."""

    @wraps(endpoint)
    async def run(**values: Any) -> Any:
        return await run_in_threadpool(_work, endpoint, values)

    return run


def _work(endpoint: Callable[..., Any], values: dict[str, Any]) -> Any:
    with ExitStack() as sessions:
        given = {
            name: sessions.enter_context(value.open()) if isinstance(value, Promised) else value
            for name, value in values.items()
        }
        return endpoint(**given)
