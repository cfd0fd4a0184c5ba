"""What one API process holds open, and how many of its requests may do what at once.

Endpoints run in threads, and a request passes through several turns of a thread: to find its caller, to run,
to be put into words, to commit. If requests that wait for a lock or a connection could take every thread, the
one that holds it would find none to go on with. So what may wait for a lock first takes one of `slots`, of
which there are fewer than threads, and waits for it without a thread. Callers take turns in waiting.
"""

import threading
from dataclasses import dataclass

from anyio import CapacityLimiter
from fastapi import Request

from api.fairness import FairSlots
from api.hands import Hands
from api.metrics import Metrics
from api.throttle import Throttle
from models.bounded import Bounded
from models.doorbell import Doorbell
from models.outside.vouching import Provider
from models.runtime import Runtime
from models.settings import Settings
from models.store.session import Database


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that requests share; made by the application's lifespan.

    Attributes:
        gates: threads of their own for finding callers.
        hands: threads for the short way (`api.direct`).
        known: keys of programs that were let in before, by a hash of their secrets: for the short way (`api.direct`).
        provider: the outside identity provider, where there is one.
        slots: requests that use the database, with a thread for each.
        turns: requests that write: one at a time on SQLite, which has one writer.
        leaving: set once the process was told to end.
    """

    settings: Settings
    database: Database
    doorbell: Doorbell
    runtime: Runtime
    throttle: Throttle
    metrics: Metrics
    gates: CapacityLimiter
    hands: Hands
    known: Bounded[bytes, str]
    provider: Provider | None
    slots: FairSlots
    turns: FairSlots
    leaving: threading.Event


GATES = 8
KNOWN = 10_000
SLOTS = 32
"""Fewer than the threads that anyio gives, 40: a request with a slot never waits long for a thread."""


def context_of(request: Request) -> Context:
    """The context of the application that a request came to."""
    context: Context = request.app.state.context
    return context
