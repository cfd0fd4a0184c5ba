"""`python -m api`: serve, until told to stop; requests under way are then answered first."""

import gc
import os
import sys
from socket import socket

import uvicorn
from pydantic import ValidationError
from typing_extensions import override

from api.app import create_app
from api.leaving import Server
from api.middleware import Forwarded
from api.wire import Protocol
from models import spans
from models.allocator import give_back_large_blocks, give_back_regularly
from models.settings import Settings
from models.tracing import log_to_stderr

_GRACE_SECONDS = 20
_LARGE_MIB = 1
_GIVE_BACK_SECONDS = 30.0
_KEPT_OPEN_SECONDS = 75
"""Longer than proxies keep a connection that is idle: whoever closes it first may swallow a request of the other."""


class _Server(Server):
    """Serves once everything is loaded, and keeps what is loaded out of the search for garbage.

    There are some 300,000 objects of modules alone. To look through them all takes a fifth of a second, in which nobody
    is answered.
    """

    @override
    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()


def main() -> int:
    """Serve with the settings of the environment."""
    give_back_large_blocks(_LARGE_MIB)
    give_back_regularly(_GIVE_BACK_SECONDS)
    log_to_stderr()
    spans.begin("winnow-api")
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    app = create_app(settings)
    config = uvicorn.Config(
        Forwarded(app, os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")),
        proxy_headers=False,  # it is read above, where there is anything to read
        http=Protocol,
        ws="none",
        host=settings.host,
        port=settings.api_port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEPT_OPEN_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _Server(config, app.state.leaving, settings.drain_seconds).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
