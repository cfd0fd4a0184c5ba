"""Which request the present work goes back to: it stands in every line of the logs, and goes along with jobs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s"
"""What a line of the log looks like; `request` is `-` where there is none."""

_REQUEST: ContextVar[str | None] = ContextVar("winnow_request", default=None)


def request_id() -> str | None:
    """The id of the request that caused what is being done."""
    return _REQUEST.get()


@contextmanager
def caused_by(request: str | None) -> Iterator[None]:
    """What happens in the block goes back to this request."""
    token = _REQUEST.set(request)
    try:
        yield
    finally:
        _REQUEST.reset(token)


def log_to_stderr() -> None:
    """Lines of this process go to its standard error, each with the request it goes back to."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(_stamp)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _stamp(record: logging.LogRecord) -> bool:
    record.request = request_id() or "-"
    return True
