"""Files that go out, whole or in part."""

from http import HTTPStatus
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import RangeNotSatisfiable


class Download(FileResponse):
    """A file. A `Range` that is none is passed over (RFC 9110, 14.2); one behind the end is answered as a problem.

    Raises:
        FileNotFoundError: there is no such file.
    """

    def __init__(self, path: Path, *, media_type: str, filename: str) -> None:
        self._size = path.stat().st_size
        super().__init__(path, media_type=media_type, filename=filename)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the part that is asked for. Raises RangeNotSatisfiable."""
        refused: int | None = None

        async def unless_refused(message: Message) -> None:
            nonlocal refused
            if message.get("status") in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
                refused = message["status"]
            if refused is None:
                await send(message)

        await super().__call__(scope, receive, unless_refused)
        if refused == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise RangeNotSatisfiable(f"The file has {self._size} bytes.", size=self._size)
        if refused is not None:
            headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
            await super().__call__({**scope, "headers": headers}, receive, send)
