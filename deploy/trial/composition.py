"""The whole of compose.yaml: started, used, watched, stopped."""

import json
import secrets
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.trial.compose import Compose, composing
from deploy.trial.engine import ROOT, Engine, Failed, called
from deploy.trial.promises import USER

HERE = Path(__file__).parent
PROJECT = "winnow-trial"
SECRETS = ("POSTGRES_PASSWORD", "WINNOW_SECRET_KEY", "WINNOW_ADMIN_PASSWORD", "GRAFANA_PASSWORD")
PORTS = ("API_PORT", "PAGES_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT")
WATCHED = {"winnow-api", "winnow-worker", "prometheus"}
_PATIENCE = 120.0


def tried(engine: Engine, overlays: Sequence[Path]) -> dict[str, Any]:
    """Start all of it, use it, stop it. Raises `Failed`, with the last of the logs, where something does not work."""
    files = [ROOT / "deploy" / "compose.yaml", *overlays]
    given = {name: secrets.token_hex(24) for name in SECRETS} | {name: str(port) for name, port in _free()}
    with composing(engine, PROJECT) as compose:
        try:
            began = time.monotonic()
            compose.call(files, "up", "--detach", "--no-build", "--wait", "--wait-timeout", "300", given=given)
            found: dict[str, Any] = {"seconds_until_healthy": round(time.monotonic() - began, 1)}
            found |= used(compose, given)
        except Failed as error:
            raise Failed(f"{error}\n{_logs(compose, files, given)}") from None
        finally:
            began = time.monotonic()
            compose.call(files, "down", "--volumes", "--remove-orphans", "--timeout", "40", given=given)
        found["seconds_to_stop"] = round(time.monotonic() - began, 1)
        if left := compose.remains():
            raise Failed(f"it leaves {', '.join(left)}")
    return found


def used(compose: Compose, given: Mapping[str, str]) -> dict[str, Any]:
    """Smoke test, a team's first day, the smoke test of a program, and whether Prometheus sees it."""
    api, pages, prometheus = (f"http://127.0.0.1:{given[name]}" for name in PORTS[:3])
    smoke = [str(ROOT / "deploy" / "smoke"), api, pages]
    called(smoke, compose.variables)
    journey = compose.engine.call(
        "exec",
        "--interactive",
        f"--env=WINNOW_ADMIN_PASSWORD={given['WINNOW_ADMIN_PASSWORD']}",
        compose.container("ui"),
        "python",
        "-",
        stdin=HERE / "journey.py",
    )
    found: dict[str, Any] = json.loads(journey)
    called(smoke, {**compose.variables, "WINNOW_API_KEY": found.pop("key")})
    memory = {service: _confined(compose, service)["resident_mb"] for service in ("api", "worker", "ui")}
    return found | {"resident_mb": memory} | watched(prometheus)


def watched(prometheus: str) -> dict[str, Any]:
    """Wait until Prometheus sees every part, has its rules, and knows whom to tell. Raises `Failed`."""
    began = time.monotonic()
    while True:
        targets = _asked(prometheus, "targets").get("activeTargets", [])
        health = {one["labels"]["job"]: f"{one['health']} {one['lastError']}".strip() for one in targets}
        if set(health) == WATCHED and set(health.values()) == {"up"}:
            break
        if time.monotonic() - began > _PATIENCE:
            raise Failed(f"Prometheus sees {health}, not all of {', '.join(sorted(WATCHED))}")
        time.sleep(1)
    alerts = [
        rule for group in _asked(prometheus, "rules")["groups"] for rule in group["rules"] if rule["type"] == "alerting"
    ]
    if not alerts or not _asked(prometheus, "alertmanagers")["activeAlertmanagers"]:
        raise Failed("Prometheus has no alert rules, or nobody to tell")
    return {"seconds_until_watched": round(time.monotonic() - began, 1), "alert_rules": len(alerts)}


def _confined(compose: Compose, service: str) -> dict[str, Any]:
    """What is seen in a service. Raises `Failed` where compose.yaml does not keep it as narrow as the image allows."""
    script = HERE / "inside.py"
    told = compose.engine.call("exec", "--interactive", compose.container(service), "python", "-", stdin=script)
    seen: dict[str, Any] = json.loads(told)
    if seen["user"] != [USER, USER] or seen["capabilities"] or not seen["no_new_privileges"] or not seen["read_only"]:
        raise Failed(f"{service} may do more than its work: {seen}")
    return seen


def _asked(prometheus: str, what: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/{what}", timeout=10) as answer:  # noqa: S310  # nosec B310
            told: dict[str, Any] = json.load(answer)["data"]
            return told
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return {}


def _logs(compose: Compose, files: Sequence[Path], given: Mapping[str, str]) -> str:
    try:
        return compose.call(files, "logs", "--no-color", "--tail", "40", given=given)
    except Failed as error:
        return str(error)


def _free() -> list[tuple[str, int]]:
    """A port for each, at which nobody listens now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    found = [(name, int(probe.getsockname()[1])) for name, probe in zip(PORTS, probes, strict=True)]
    for probe in probes:
        probe.close()
    return found
