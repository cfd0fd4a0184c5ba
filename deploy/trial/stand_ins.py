"""Where no registry can be reached: a base and the images of others, made from Debian's packages.

Needs root and debootstrap. What is tried with them is Winnow's own: they are neither the versions nor the images that
compose.yaml names.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy.trial.engine import Engine, Failed

HERE = Path(__file__).parent / "stand-ins"
BASE = "winnow-stand-in-base"
OVERLAY = HERE / "compose.yaml"
OTHERS = ("postgres", "redis", "prometheus", "alertmanager")
_SUITE = "bookworm"
_PACKAGES = "ca-certificates,python3.11,python3.11-venv,python3-pip"
_CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")


def make_base(engine: Engine) -> str:
    """The name of a base image with Python 3.11; made where it is not there yet. Raises `Failed`."""
    if engine.has(BASE):
        return BASE
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise Failed("stand-ins need root, and debootstrap: apt-get install debootstrap")
    with tempfile.TemporaryDirectory(prefix="winnow-base-") as name:
        root = Path(name) / "root"
        _run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(root))
        for link in ("python", "python3"):
            (root / "usr/local/bin" / link).symlink_to("/usr/bin/python3.11")
        (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
        shutil.copy(Path("/") / _CERTIFICATES, root / _CERTIFICATES)  # a mirror may have an authority of its own
        (root / "etc/pip.conf").write_text(f"[global]\ncert = /{_CERTIFICATES}\n")
        for cache in (root / "var/cache/apt/archives").glob("*.deb"):
            cache.unlink()
        _run("tar", "--create", f"--file={name}/base.tar", f"--directory={root}", ".")
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
        engine.call("import", "--change", path, f"{name}/base.tar", BASE)
    return BASE


def make_others(engine: Engine) -> None:
    """PostgreSQL, Redis, Prometheus and Alertmanager. Raises `Failed`."""
    for target in OTHERS:
        name = f"winnow-stand-in-{target}"
        if not engine.has(name):
            engine.build(HERE / "Dockerfile", target, {"BASE": BASE}, name=name, context=HERE)


def _run(*command: str) -> None:
    if subprocess.run(command, stdout=2, check=False).returncode:
        raise Failed(f"{' '.join(command)} does not work")
