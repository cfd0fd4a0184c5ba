"""The JavaScript modules of a component as one script: Streamlit takes one, tests want small ones."""

import re
from collections.abc import Iterable
from pathlib import Path

_IMPORT = re.compile(r"^import .*?;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def joined(modules: Iterable[Path]) -> str:
    """The modules as one: imports of each other taken out, one default export at the end."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", path.read_text(encoding="utf-8"))) for path in modules)
