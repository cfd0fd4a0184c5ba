"""Whether a version can be made again, byte for byte, from what its row remembers; where not, why.

A refit goes to a folder of its own and is thrown away: nothing that serves is touched.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as unpack
from sqlalchemy.orm import Session

from models import jobs
from models.artifacts import Place
from models.errors import NoVersion, TooLittleToLearn
from models.learn.bundle import BUNDLE, HEAD, save
from models.steps.accounts import Caller, record
from models.steps.snapshot import Lesson, lesson
from models.steps.train import features_of, learn, manifest
from models.store.queries.versions import find_version
from models.store.tables import JobRow, ProjectRow, VersionRow
from models.vocabulary import Job
from models.work import Work


def request_reproduction(session: Session, caller: Caller, project: ProjectRow, number: int) -> JobRow:
    """Have a version made again and compared.

    Raises:
        Missing: there is no such version.
        NoVersion: it is in training or failed: there is nothing to compare with.
    """
    row = find_version(session, project, number)
    if row.sha256 is None:
        raise NoVersion(f"version {number} is {row.status}: there is no bundle to compare with")
    record(session, caller, "version.reproduce", project.slug, {"version": number})
    key = f"reproduce:{project.id}:{number}"
    return jobs.enqueue(
        session, Job.REPRODUCE, key=key, project_id=project.id, payload={"number": number}, actor=caller.key
    )


def run_reproduce(work: Work) -> None:
    """Fit a version anew from its marks and snapshot, and hold the bytes against those that were stored."""
    runtime, number = work.runtime, int(work.claim.payload["number"])
    with runtime.database.read() as session:
        project = session.get_one(ProjectRow, work.project_id)
        version = find_version(session, project, number)
        rebuilt: str | None = None
        given: Lesson | None = None
        reasons: list[str] = []
        try:
            given = lesson(runtime, session, project, version)
        except NoVersion as error:
            reasons = [error.detail]
    if given is not None:
        with TemporaryDirectory(prefix="winnow-again-", ignore_cleanup_errors=True) as folder:
            try:
                result = learn(given, project.task)
            except TooLittleToLearn as error:
                reasons = [*_gone(project, version, given), error.detail]
            else:
                rebuilt = save(
                    result.head,
                    manifest(given, version, result),
                    Path(folder),
                    features_of(given, result),
                )
                differences = _differences(runtime.artifacts.root / str(version.bundle), Path(folder))
                reasons = [*_gone(project, version, given), *differences] if differences else []
    same = not reasons and rebuilt == version.sha256
    with work.completing(
        {
            "version": number,
            "same": same,
            "sha256": version.sha256,
            "rebuilt_sha256": rebuilt,
            "decisions": version.trained_decisions,
            "reasons": reasons,
            "summary": _summary(version, reasons, same=same),
        }
    ):
        pass


def _gone(project: ProjectRow, version: VersionRow, given: Lesson) -> Iterator[str]:
    """What it had learnt from and is there no more."""
    gone = version.trained_decisions - len(np.unique(given.learnt.decision))
    erased = project.erasures - (version.snapshot or {}).get("erasures", project.erasures)
    if gone > 0:
        yield f"{gone} of the {version.trained_decisions} decisions it learnt from are there no more"
    if erased > 0:
        yield f"items erased since: {erased}"


def _differences(stored: Place, rebuilt: Path) -> list[str]:
    """In what two bundles differ; nothing where they are the same bytes."""
    there, made = _files(stored), _files(rebuilt)
    if there == made:
        return []
    if len(there) < len(made):
        return [f"the stored {name} is missing" for name in made if name not in there]
    try:
        before, after = _content(there[BUNDLE]), _content(made[BUNDLE])
        weights = unpack(there[HEAD]), unpack(made[HEAD])
    except (ValueError, SafetensorError) as error:
        return [f"the stored bundle is damaged ({type(error).__name__})"]
    named = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    found = [f"bundle.json: other {', '.join(named)}"] if named else []
    for name in sorted(weights[0].keys() | weights[1].keys()):
        one, other = weights[0].get(name), weights[1].get(name)
        if one is None or other is None or one.shape != other.shape:
            found.append(f"head: {name} has another shape")
        elif not np.array_equal(one, other):
            apart = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
            found.append(f"head: {name} differs by at most {apart:.2g}")
    return found or ["the files differ, though they say the same"]


def _files(folder: Place) -> dict[str, bytes]:
    """What a bundle's files hold, of those that are there."""
    found = {}
    for name in (BUNDLE, HEAD):
        with suppress(OSError):
            found[name] = (folder / name).read_bytes()
    return found


def _content(sealed: bytes) -> dict[str, Any]:
    """What a bundle says, flat: the names of its parts joined by dots."""
    flat: dict[str, Any] = {}
    open_ones = [("", json.loads(sealed))]
    while open_ones:
        name, value = open_ones.pop()
        if isinstance(value, dict):
            open_ones += [(f"{name}.{key}".strip("."), part) for key, part in value.items()]
        else:
            flat[name] = value
    flat.pop("head.sha256", None)  # it follows from the head's numbers
    return flat


def _summary(version: VersionRow, reasons: list[str], *, same: bool) -> str:
    if same:
        return (
            f"Version {version.number}, made again from its {version.trained_decisions:,} decisions, is the same, "
            f"byte for byte (sha256 {version.sha256})."
        )
    return f"Version {version.number} cannot be made again byte for byte: {'; '.join(reasons)}."
