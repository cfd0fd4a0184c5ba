"""Which request the present work goes back to: it stands in every line of the logs, and goes along with jobs."""

import logging
from contextvars import ContextVar

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request)s] %(message)s"
"""What a line of the log looks like; `request` is `-` where there is none."""

_REQUEST: ContextVar[str | None] = ContextVar("winnow_request", default=None)


def request_id() -> str | None:
    """The id of the request that caused what is being done."""
    return _REQUEST.get()


class CausedBy:
    """What happens in the block goes back to this request."""

    __slots__ = ("_before", "_request")

    def __init__(self, request: str | None) -> None:
        self._request = request

    def __enter__(self) -> None:
        self._before = _REQUEST.set(self._request)

    def __exit__(self, *_: object) -> None:
        _REQUEST.reset(self._before)


def log_to_stderr() -> None:
    """Lines of this process go to its standard error, each with the request it goes back to."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(_stamp)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _stamp(record: logging.LogRecord) -> bool:
    record.request = request_id() or "-"
    return True
