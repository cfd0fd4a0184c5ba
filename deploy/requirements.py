"""Prints what parts of Winnow need: `python deploy/requirements.py serve` gives the lines for `pip install -r`.

So that an image has its packages in a layer of their own, made anew only when they change and not with each
change of the code. Parts are the optional dependencies of pyproject.toml.
"""

import sys
import tomllib
from pathlib import Path


def main(parts: list[str]) -> int:
    """Print them, with what the client itself needs."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    known = project["optional-dependencies"]
    unknown = set(parts) - set(known)
    if unknown:
        sys.stderr.write(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}\n")
        return 2
    wanted = [*project["dependencies"], *(line for part in parts for line in known[part])]
    sys.stdout.write("\n".join(dict.fromkeys(wanted)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
