"""`python -m api`: serve, until told to stop; requests under way are then answered first."""

import sys

import uvicorn
from pydantic import ValidationError

from api.app import create_app
from models import spans
from models.settings import Settings
from models.tracing import log_to_stderr

_GRACE_SECONDS = 20


def main() -> int:
    """Serve with the settings of the environment."""
    log_to_stderr()
    spans.begin("winnow-api")
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.api_port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
