"""An environment of its own for each peer: pinned versions, a Python that they run on, made once."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks._peer_processes import Unavailable

_PATIENCE = 1800.0


@dataclass(frozen=True)
class Pin:
    """What a peer is installed from.

    Attributes:
        name: of its distribution.
        requirements: what pip is told, exact.
        pythons: versions that it runs on, the best first.
        more: further arguments for pip.
    """

    name: str
    requirements: tuple[str, ...]
    pythons: tuple[str, ...]
    more: tuple[str, ...] = ()


def installed(pin: Pin, cache: Path) -> Path:
    """The interpreter of a peer's environment, which is made where it is not there or was made from other pins.

    Raises:
        Unavailable: where no Python fits, or pip fails.
    """
    folder = cache.absolute() / pin.name
    python, mark = folder / "bin" / "python", folder / "made-from"
    wanted = "\n".join(pin.requirements + pin.more)
    if mark.is_file() and mark.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _run([interpreter(pin.pythons), "-m", "venv", str(folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pin.more, *pin.requirements])
    mark.write_text(wanted)
    return python


def version(python: Path, name: str) -> str:
    """The version of a distribution, and of the Python that it runs on."""
    code = (
        f"import platform, importlib.metadata as m; print(m.version({name!r}), 'on Python', platform.python_version())"
    )
    return _run([str(python), "-c", code]).strip()


def interpreter(versions: tuple[str, ...]) -> str:
    """A Python of one of these versions, from the path or from pyenv.

    Raises:
        Unavailable: where there is none.
    """
    for wanted in versions:
        for candidate in _candidates(wanted):
            done = subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False)
            if done.returncode == 0:
                return candidate
    raise Unavailable(f"it needs Python {' or '.join(versions)}, and there is none: put one on the path")


def _candidates(wanted: str) -> Iterator[str]:
    if found := shutil.which(f"python{wanted}"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path / "bin" / "python") for path in sorted(root.glob(f"versions/{wanted}.*")))


def _run(command: list[str]) -> str:
    """What a command prints."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    try:
        done = subprocess.run(command, env=outside, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"it could not be installed within {_PATIENCE:g} s") from error
    if done.returncode:
        said = [line[:300] for line in done.stderr.strip().splitlines()[-3:]]
        raise Unavailable(f"it could not be installed: {' | '.join(said)}")
    return done.stdout
