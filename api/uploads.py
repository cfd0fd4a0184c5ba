"""Files that come in: streamed to disk as they arrive, so that memory does not grow with them.

The gate of the route has let the request in before the first byte is read. A file that the endpoint does not
keep is removed when the request ends.
"""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from api.context import context_of
from api.middleware import BODY_LIMIT
from api.schemas.base import refuse_unstorable
from models.artifacts import Artifacts
from models.errors import Invalid, Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FOLDER = "uploads"
FORM_FIELDS = ("format", "text_fields", "id_field", "label_field", "encoding", "delimiter")
FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "format": {"type": "string", "description": "Found out where it is left out."},
                        "text_fields": {"type": "array", "items": {"type": "string"}},
                        "id_field": {"type": "string"},
                        "label_field": {"type": "string"},
                        "encoding": {"type": "string"},
                        "delimiter": {"type": "string"},
                    },
                }
            }
        },
    }
}
"""How the form stands in the OpenAPI document; FastAPI does not read it, so it cannot know."""

_CHUNK = 2**20
_MAX_FIELD_BYTES = 64 * 1024
_MAX_PARTS = 100
_ROOM_FOR_FORM = 2**20


class Upload:
    """A file that came in.

    Attributes:
        name: where it is, relative to the artifacts.
        path: where it is while the request lasts.
        filename: what the sender calls it, without folders.
        size: bytes.
        fields: the form's other fields, each with its values in order.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self.name = f"{FOLDER}/{uuid.uuid4().hex}"
        self.path = artifacts.making(self.name)
        self._artifacts = artifacts
        self.filename = ""
        self.size = 0
        self.fields: dict[str, list[str]] = {}
        self._digest = hashlib.sha256()
        self._kept = False

    @property
    def digest(self) -> bytes:
        """What makes this request the same as another: hash of the file, its name and the fields."""
        form = json.dumps([self.filename, self.fields], sort_keys=True)
        return self._digest.digest() + hashlib.sha256(form.encode()).digest()

    def keep(self) -> str:
        """Leave the file to the workers. Returns `name`."""
        self._artifacts.publish(self.name)
        self._kept = True
        return self.name

    def field(self, name: str) -> str | None:
        """The one value of a field; an empty one counts as not given. Raises Invalid for several."""
        values = [value for value in self.fields.get(name, []) if value]
        if len(values) > 1:
            raise _bad("must be given once", name)
        return values[0] if values else None

    def names(self, name: str) -> tuple[str, ...]:
        """A field that lists names: given several times, as a JSON list, or separated by commas."""
        values = [value for value in self.fields.get(name, []) if value]
        if len(values) != 1:
            return tuple(values)
        if values[0].startswith("["):
            return _json_names(values[0], name)
        return tuple(part.strip() for part in values[0].split(",") if part.strip())

    def add(self, data: bytes) -> None:
        """Take note of some bytes of the file."""
        self._digest.update(data)
        self.size += len(data)

    def discard(self) -> None:
        """Remove the file, unless it was kept."""
        if not self._kept:
            self.path.unlink(missing_ok=True)


async def receive_upload(request: Request) -> AsyncIterator[Upload]:
    """The request's file, on disk.

    Raises:
        Invalid: this is no multipart form, it is cut short, or it has no part called `file`.
        OSError: the disk is full.
    """
    context = context_of(request)
    request.scope[BODY_LIMIT] = context.settings.max_upload_mb * 2**20 + _ROOM_FOR_FORM
    upload = Upload(context.runtime.artifacts)
    try:
        await _receive(request, upload)
        yield upload
    finally:
        await run_in_threadpool(upload.discard)


Received = Annotated[Upload, Depends(receive_upload, scope="function")]


async def _receive(request: Request, upload: Upload) -> None:
    form = _Form(upload, request.headers.get("content-type", ""))
    pending = bytearray()
    try:
        async for chunk in request.stream():
            pending += chunk
            if len(pending) >= _CHUNK:
                await run_in_threadpool(form.write, bytes(pending))
                pending.clear()
        await run_in_threadpool(form.write, bytes(pending))
        form.finish()
    except FormParserError as error:
        raise Invalid(f"The multipart form cannot be read: {error}") from error
    finally:
        form.close()


class _Form:
    """Takes a multipart body apart as it comes: the file to disk, the fields to memory."""

    def __init__(self, upload: Upload, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise Invalid("Send the file as multipart/form-data, in a part called 'file'.")
        self._upload = upload
        self._file = upload.path.open("wb")
        self._parts = 0
        self._ended = self._has_file = False
        self._header_name, self._header_value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._value = bytearray()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_data,
            "on_part_data": self._data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }
        self._parser = MultipartParser(options[b"boundary"], callbacks)

    def write(self, data: bytes) -> None:
        if data:
            self._parser.write(data)

    def finish(self) -> None:
        if not self._ended:
            raise Invalid("The multipart form ends in the middle: send it again.")
        if not self._has_file:
            raise _bad("is missing: send the file in a part of this name", "file")

    def close(self) -> None:
        self._file.close()

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise Invalid(f"The form has more than {_MAX_PARTS} parts.")
        self._headers = {}
        self._value.clear()

    def _end_header(self) -> None:
        self._headers[bytes(self._header_name).lower()] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _begin_data(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name == "file":
            if self._has_file:
                raise _bad("must be one file", "file")
            self._has_file = True
            self._upload.filename = _plain_name(options.get(b"filename", b"").decode("utf-8", "replace"))
            self._field = None
        elif name in FORM_FIELDS:
            self._field = name
        else:
            raise _bad(f"is not a field of this form; there are: file, {', '.join(FORM_FIELDS)}", name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._field is None:
            self._upload.add(piece)
            self._file.write(piece)
            return
        self._value += piece
        if len(self._value) > _MAX_FIELD_BYTES:
            raise _bad(f"is longer than {_MAX_FIELD_BYTES} bytes", self._field)

    def _end_part(self) -> None:
        if self._field is None:
            return
        try:
            value = self._value.decode()
            refuse_unstorable(value)
        except ValueError as error:
            raise _bad("must be text in UTF-8 without NUL characters", self._field) from error
        self._upload.fields.setdefault(self._field, []).append(value)

    def _end(self) -> None:
        self._ended = True


def _plain_name(filename: str) -> str:
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in name if character.isprintable())[-255:] or "upload"


def _json_names(text: str, name: str) -> tuple[str, ...]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad("is not a JSON list of names", name) from error
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise _bad("is not a JSON list of names", name)
    return tuple(given)


def _bad(rule: str, field: str) -> Invalid:
    field = field[:100]
    return Invalid(f"The form's part {field!r} {rule}.", problems=[Problem(("body", field), rule)])
