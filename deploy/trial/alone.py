"""Each image by itself: looked at from outside and inside, then started where nothing else is to be reached."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.trial.engine import ROOT, Engine, Failed
from deploy.trial.materials import bill
from deploy.trial.promises import broken, health_check, megabytes, pins

HERE = Path(__file__).parent
_PATIENCE = 120.0


def looked_at(engine: Engine, target: str, materials: Path | None) -> dict[str, Any]:
    """Size and contents of an image; its bill of materials goes into a folder. Raises `Failed` with what it breaks."""
    name = f"winnow-{target}"
    image = engine.inspect("image", name)
    seen = json.loads(
        engine.call("run", "--rm", "--interactive", *engine.confined(), name, "python", "-", stdin=HERE / "inside.py")
    )
    faults = broken(target, image, seen, pins(ROOT / "constraints.txt"))
    if faults:
        raise Failed(f"{name}: {'; '.join(faults)}")
    if materials is not None:
        materials.mkdir(parents=True, exist_ok=True)
        listed = bill(name, image["Id"], seen)
        (materials / f"{name}.spdx.json").write_text(json.dumps(listed, indent=1) + "\n")
    return {"mb": megabytes(image), "python": len(seen["python"]), "debian": len(seen["debian"])}


def started(engine: Engine) -> dict[str, float]:
    """Seconds until each image works, by its own health check, with SQLite and no network at all. Raises `Failed`."""
    password = secrets.token_hex(16)
    volume = f"winnow-trial-{secrets.token_hex(4)}"
    given = {"WINNOW_SECRET_KEY": secrets.token_hex(24), "WINNOW_ADMIN_PASSWORD": password}
    found: dict[str, float] = {}
    engine.call("volume", "create", volume)
    try:
        began = time.monotonic()
        engine.call("run", "--rm", *engine.confined(), *_shared(volume, given), "winnow-migrate")
        found["migrate"] = round(time.monotonic() - began, 1)
        for target in ("api", "worker", "ui"):
            with _running(engine, target, volume, given) as (container, seconds):
                found[target] = seconds
                if target == "api":
                    _answers(engine, container, password)
    finally:
        engine.call("volume", "rm", "--force", volume)
    return found


def _answers(engine: Engine, container: str, password: str) -> None:
    variables = {"WINNOW_API_URL": "http://127.0.0.1:8000", "WINNOW_ADMIN_PASSWORD": password}
    engine.call(
        "exec", "--interactive", *_variables(variables), container, "python", "-", "names", stdin=HERE / "journey.py"
    )


@contextmanager
def _running(engine: Engine, target: str, volume: str, given: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """A container and the seconds until it was healthy; at the end it is told to end, and has to do so well."""
    image = f"winnow-{target}"
    check = health_check(engine.inspect("image", image))
    began = time.monotonic()
    shared = [] if target == "ui" else _shared(volume, given)
    container = engine.call("run", "--detach", *engine.confined(), *shared, image).strip()
    try:
        _until(engine, container, lambda: engine.call("exec", container, *check))
        yield container, round(time.monotonic() - began, 1)
        engine.call("stop", "--time", "30", container)
        code = engine.inspect("container", container)["State"]["ExitCode"]
        if code != 0:
            raise Failed(f"{image} ends with {code} when it is told to end\n{engine.said(container)}")
    finally:
        engine.call("rm", "--force", container)


def _until(engine: Engine, container: str, healthy: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            healthy()
        except Failed as error:
            alive = engine.inspect("container", container)["State"]["Running"]
            if not alive or time.monotonic() > deadline:
                raise Failed(f"{error}\n{engine.said(container)}") from None
            time.sleep(0.5)
        else:
            return


def _shared(volume: str, given: Mapping[str, str]) -> list[str]:
    return [f"--volume={volume}:/data", *_variables(given)]


def _variables(given: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in given.items()]
