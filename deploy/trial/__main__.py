"""Builds the images, looks whether each keeps its promises, and starts compose.yaml once, to use it and take it down.

    deploy/try-images                                # docker or podman, whichever answers; Python 3.11
    deploy/try-images --base mirror.example/python:3.11-slim
    deploy/try-images --stand-ins                    # where no registry can be reached: see deploy/trial/stand_ins.py

What is tried is listed in docs/deployment.md. Nothing of it stays but the images. Exits with 1 where something is not
as it should be, and says what.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from deploy.trial import alone, composition, stand_ins
from deploy.trial.engine import ROOT, Engine, Failed, engine

TARGETS = ("api", "worker", "ui", "migrate")


def main() -> int:
    """Try; print what was seen, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", help="build from this image in place of the Dockerfile's BASE")
    parser.add_argument("--stand-ins", action="store_true", help="make base and other images from Debian's packages")
    parser.add_argument("--materials", type=Path, metavar="FOLDER", help="write each image's bill of materials there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen")
    options = parser.parse_args()
    try:
        found = trial(engine(), options)
    except Failed as error:
        sys.stderr.write(f"FAILED  {error}\n")
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


def trial(there: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """All of it, step by step. Raises `Failed`."""
    found: dict[str, Any] = {
        "engine": there.program,
        "machine": f"{os.cpu_count()} processors, {platform.system()} {platform.release()}",
        "load_at_start": round(os.getloadavg()[0], 2),
        "base": options.base or (stand_ins.BASE if options.stand_ins else "as in the Dockerfile"),
        "images": {},
    }
    arguments = {name: value for name in ("TORCH_INDEX",) if (value := os.environ.get(name))}
    if options.stand_ins:
        stand_ins.make_base(there)
        stand_ins.make_others(there)
    if options.base or options.stand_ins:
        arguments["BASE"] = found["base"]
    for target in TARGETS:
        began = time.monotonic()
        dockerfile = ROOT / "deploy" / "Dockerfile"
        there.build(dockerfile, target, arguments, name=f"winnow-{target}", context=ROOT)
        seen = {"seconds_build": round(time.monotonic() - began)}
        found["images"][target] = seen | alone.looked_at(there, target, options.materials)
        say(f"winnow-{target} {found['images'][target]}")
    for target, seconds in alone.started(there).items():
        found["images"][target]["seconds_until_it_works"] = seconds
        say(f"winnow-{target} without any network: works after {seconds} s")
    overlays = [stand_ins.OVERLAY] if options.stand_ins else []
    found["composition"] = composition.tried(there, overlays)
    say(f"compose.yaml {found['composition']}")
    return found


def say(what: str) -> None:
    """One line of the way."""
    sys.stdout.write(f"ok      {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
