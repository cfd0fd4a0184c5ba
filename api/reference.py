"""The page `/docs`: every route, to be read and tried out. All that it loads, this process itself serves."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

PAGE: Final = "/docs"

_SCRIPT: Final = "swagger-ui-bundle.js"
_STYLE: Final = "swagger-ui.css"
_START: Final = "start.js"

# What records and descriptions say is shown here too: nothing of it can run, or be sent to anybody else.
_SOURCES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS: Final = {"Content-Security-Policy": "; ".join(f"{name} {allowed}" for name, allowed in _SOURCES.items())}
_KEPT: Final = {**_HEADERS, "Cache-Control": "max-age=3600"}  # they are large, and nobody's secret

_HTML: Final = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Winnow: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{_STYLE}">
</head>
<body>
<div id="routes"></div>
<script src="docs/{_SCRIPT}"></script>
<script src="docs/{_START}"></script>
</body>
</html>
"""

# Without `validatorUrl` it would have a foreign server look at the document.
_BEGIN: Final = """"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  showExtensions: true,
  validatorUrl: null,
});
"""


def add_to(app: FastAPI) -> None:
    """Add the page and its files; none of them is in the document that it shows."""
    folder = Path(str(files("fastapi_offline"))) / "static"

    async def page(_: Request) -> Response:
        return HTMLResponse(_HTML, headers=_HEADERS)

    async def start(_: Request) -> Response:
        return Response(_BEGIN, media_type="text/javascript", headers=_HEADERS)

    async def script(_: Request) -> Response:
        return FileResponse(folder / _SCRIPT, media_type="text/javascript", headers=_KEPT)

    async def style(_: Request) -> Response:
        return FileResponse(folder / _STYLE, media_type="text/css", headers=_KEPT)

    answers = {PAGE: page, f"{PAGE}/{_START}": start, f"{PAGE}/{_SCRIPT}": script, f"{PAGE}/{_STYLE}": style}
    for path, answer in answers.items():
        app.add_route(path, answer, include_in_schema=False)
