"""The client as it is installed alone, and the examples of the documentation, which run as they stand."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, requires
from pathlib import Path

import pytest

from models.vocabulary import Role
from tests.api.conftest import Winnow
from winnow import Client

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    )
]
ALONE = """
import sys
allowed = set({allowed!r})
class Alone:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if not (top in allowed or top in sys.stdlib_module_names or top.startswith("_sysconfigdata")):
            raise ModuleNotFoundError(f"{{top}} is not there", name=top)
sys.meta_path.insert(0, Alone())
{code}
"""


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s;<>=!~\[(]", name, maxsplit=1)[0]).lower()


def installed_with(names: list[str]) -> set[str]:
    """The distributions that these need, without any extra."""
    found: set[str] = set()
    waiting = [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = requires(name) or []
        except PackageNotFoundError:
            continue
        waiting += [normal(one) for one in needed if "extra ==" not in one]
    return found


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where nothing is installed but what `pip install winnow` brings."""
    there = installed_with(PROJECT["dependencies"])
    allowed = {"winnow"} | {
        module for module, owners in packages_distributions().items() if {normal(owner) for owner in owners} & there
    }
    script = ALONE.format(allowed=sorted(allowed), code=code)
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240
    )


def test_the_client_needs_an_http_library_and_pydantic_and_nothing_else() -> None:
    assert [normal(name) for name in PROJECT["dependencies"]] == ["httpx2", "pydantic"]
    done = alone(
        "from winnow import Client\nwith Client('http://127.0.0.1:1', api_key='x') as client: print(client.base_url)"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "http://127.0.0.1:1"), done.stderr


def test_the_wheel_installs_offline_beside_its_two_libraries_alone(tmp_path: Path) -> None:
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    for name in ("api", "migrations", "models", "ui", "winnow", "worker"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    run([sys.executable, "-c", f"from setuptools.build_meta import build_wheel\nbuild_wheel({str(built)!r})"], source)
    (wheel,) = built.glob("winnow-*.whl")

    venv.create(tmp_path / "alone", with_pip=True)
    python = str(tmp_path / "alone" / "bin" / "python")
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip())
    there = {name for name in installed_with(PROJECT["dependencies"]) if borrowed(name, site)}
    run([python, "-m", "pip", "install", "--quiet", "--no-index", str(wheel)], tmp_path)
    run([python, "-m", "pip", "check"], tmp_path)
    listed = {
        normal(one["name"]) for one in json.loads(run([python, "-m", "pip", "list", "--format", "json"], tmp_path))
    }
    assert listed - {"pip", "setuptools"} == there | {"winnow"}
    code = "from winnow import Client\nwith Client('http://127.0.0.1:1', api_key='x') as client: print(client.base_url)"
    assert run([python, "-I", "-c", code], tmp_path).strip() == "http://127.0.0.1:1"
    assert run([str(tmp_path / "alone" / "bin" / "winnow")], tmp_path, code=1) == ""


def run(command: list[str], folder: Path, code: int = 0) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == code, done.stderr
    return done.stdout


def borrowed(name: str, site: Path) -> bool:
    """Put what is installed here of a distribution there; False where it is not needed on this platform."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return False
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        (site / top).symlink_to(distribution(name).locate_file(top))
    return True


def test_the_command_says_what_it_lacks() -> None:
    done = alone("import runpy\nrunpy.run_module('winnow', run_name='__main__')")
    assert done.returncode == 1
    assert done.stderr.strip() == "The command needs more than the client: pip install 'winnow[command]'"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_documentation_runs(winnow: Winnow, example: str, tmp_path: Path) -> None:
    client = Client(api_key=winnow.keys[Role.ADMIN], http=winnow.http)
    assert tmp_path.is_dir()

    def connected(*_: object, **__: object) -> Client:
        return client

    code = example.replace("from winnow import Client\n", "").replace('Path(".winnow/local.key").read_text()', '"key"')
    exec(compile(code, "example", "exec"), {"client": client, "Client": connected})  # noqa: S102 - that is the point
