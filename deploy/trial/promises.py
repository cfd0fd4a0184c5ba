"""What every image promises, and which of it one that was looked at breaks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

USER = 10001
LARGEST_MB = {"api": 1200, "worker": 1200, "migrate": 1200, "ui": 900}
"""Unpacked, with its base."""

WRITABLE = {"/data", "/tmp"}  # noqa: S108  # nosec B108
"""Folders of a container."""

HEALTH = {"api", "worker", "ui"}
"""Images whose process goes on for ever; the others end by themselves."""


def broken(target: str, image: Mapping[str, Any], seen: Mapping[str, Any], pinned: Mapping[str, str]) -> list[str]:
    """The promises that an image breaks, in words.

    Args:
        target: which of the Dockerfile.
        image: what the engine knows of it.
        seen: what `inside.py` saw in it, on a read-only file system and without capabilities.
        pinned: the version of each Python package, by constraints.txt.
    """
    found = []
    size = megabytes(image)
    if size > LARGEST_MB[target]:
        found.append(f"it has {size} MB, more than {LARGEST_MB[target]}")
    if image["Config"].get("User") != f"{USER}:{USER}" or seen["user"] != [USER, USER]:
        found.append(f"it runs as {seen['user']}, not as {USER}")
    if seen["capabilities"] or not seen["no_new_privileges"]:
        found.append("its process may become more than it is")
    if not seen["read_only"]:
        found.append("its file system can be written to")
    if more := set(seen["writable"]) - WRITABLE:
        found.append(f"it can write to {', '.join(sorted(more))}")
    if seen["heavy"]:
        found.append(f"it has {', '.join(seen['heavy'])}")
    if (target in HEALTH) != bool(health_check(image)):
        found.append("it does not say how it is" if target in HEALTH else "it has a health check, and ends by itself")
    found += [
        f"{one['name']} {one['version']} is not what constraints.txt has: {pinned.get(one['name'])}"
        for one in seen["python"]
        if one["name"] != "winnow" and one["version"] != pinned.get(one["name"])
    ]
    return found


def megabytes(image: Mapping[str, Any]) -> int:
    """Its size, unpacked."""
    return round(float(image["Size"]) / 1e6)


def health_check(image: Mapping[str, Any]) -> list[str]:
    """The command of its health check; empty where it has none."""
    told = image["Config"].get("Healthcheck") or image.get("HealthCheck") or image.get("Healthcheck") or {}
    test: list[str] = told.get("Test") or ["NONE"]
    return [] if test[0] == "NONE" else test[1:]


def pins(constraints: Path) -> dict[str, str]:
    """The version of each package, by its normalised name."""
    lines = (line.strip().partition("==") for line in constraints.read_text().splitlines())
    return {name.lower().replace("_", "-").replace(".", "-"): version for name, _, version in lines if version}
