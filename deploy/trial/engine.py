"""Docker or Podman, whichever answers, by its own command."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A command that ended badly, or something that is not as promised; the message says which, and how."""


@dataclass(frozen=True)
class Engine:
    """What runs containers.

    Attributes:
        program: `docker` or `podman`.
        variables: the environment of its commands.
    """

    program: str
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def call(self, *arguments: str, stdin: Path | None = None) -> str:
        """What a command of the engine says. Raises `Failed`."""
        return called([self.program, *arguments], self.variables, stdin=stdin)

    def build(self, dockerfile: Path, target: str, arguments: Mapping[str, str], *, name: str, context: Path) -> None:
        """Build one target from a folder; what the engine says meanwhile goes to standard error. Raises `Failed`."""
        command = [self.program, "build", "--file", str(dockerfile), "--target", target, "--tag", name]
        if self.program == "podman":
            command += ["--format", "docker"]  # the other format has no health checks
        for argument, value in arguments.items():
            command += ["--build-arg", f"{argument}={value}"]
        if subprocess.run([*command, str(context)], env=self.variables, stdout=2, check=False).returncode:
            raise Failed(f"{name} cannot be built")

    def has(self, image: str) -> bool:
        """Whether an image is there."""
        try:
            self.inspect("image", image)
        except Failed:
            return False
        return True

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What the engine knows of an `image` or a `container`. Raises `Failed` where it is not there."""
        found: dict[str, Any] = json.loads(self.call(kind, "inspect", name))[0]
        return found

    def said(self, container: str) -> str:
        """The last of what a container said, on either stream."""
        command = [self.program, "logs", "--tail", "40", container]
        done = subprocess.run(
            command, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return done.stdout

    def confined(self) -> list[str]:
        """Options of `run` for a process that may do nothing but its work, and reaches nobody."""
        options = [
            "--network=none",
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            "--tmpfs=/tmp",
        ]
        # Podman would otherwise add folders to write to.
        return [*options, "--read-only-tmpfs=false"] if self.program == "podman" else options


def engine() -> Engine:
    """The engine of this machine. Raises `Failed` where none answers."""
    for program in ("docker", "podman"):
        if shutil.which(program) is not None:
            with suppress(Failed):
                called([program, "info"], os.environ)
                return Engine(program)
    raise Failed("neither docker nor podman answers on this machine: install one of them, and start it")


def called(command: Sequence[str], variables: Mapping[str, str], *, stdin: Path | None = None) -> str:
    """What a command says. Raises `Failed` with the end of what it complained about."""
    with (stdin or Path(os.devnull)).open() as source:
        done = subprocess.run(
            command, cwd=ROOT, env=variables, stdin=source, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
