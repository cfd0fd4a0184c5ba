"""`python -m api.openapi`: writes the OpenAPI document that is kept in the repository as `openapi.json`."""

import json
import sys
import tempfile
from pathlib import Path

from api.app import create_app
from models.settings import Settings

FILE = Path(__file__).resolve().parent.parent / "openapi.json"


def document() -> str:
    """The document as text: sorted, so that it only changes where the API does."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file."""
    FILE.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
