"""A trained head as files: `bundle.json` and `head.safetensors`, each known by its sha256.

The same head and manifest give the same bytes, so a version can be made again and compared. The numbers are
plain arrays and the rest is JSON: nothing in a bundle can run, and nothing is built before hash, protocol,
kind and shapes have been checked.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from models.errors import BundleBroken
from models.learn.fields import FieldFeatures
from models.learn.heads import Head, LinearHead, PrototypeHead
from models.learn.multi import MultiHead

if TYPE_CHECKING:
    from models.artifacts import Place

PROTOCOL: Final = 1
PROTOCOL_WITH_FIELDS: Final = 2
"""Of bundles whose heads want columns of fields behind the vectors; the others stay as they always were."""

BUNDLE: Final = "bundle.json"
HEAD: Final = "head.safetensors"

_Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a head of one kind consists of.

    Attributes:
        build: makes an unfitted head from its parameters.
        parameters: names of the numbers given to `__init__`.
        arrays: what fitting leaves: name to dtype and shape, where `k` and `d` stand for sizes.
        later: further numbers with what they are where a bundle does not give them: only those that differ are saved.
    """

    build: type[LinearHead | PrototypeHead | MultiHead]
    parameters: tuple[str, ...]
    arrays: Mapping[str, tuple[str, str]]
    later: Mapping[str, float] = field(default_factory=dict)


_KINDS: Final = {
    "linear": _Kind(
        LinearHead,
        ("strength", "names_weight", "temperature", "tolerance"),
        {"classes_": ("int64", "k"), "coef_": ("float32", "kd"), "intercept_": ("float32", "k")},
        {"rivals": 0.0},
    ),
    "multi": _Kind(
        MultiHead,
        ("strength", "slope", "offset"),
        {
            "classes_": ("int64", "k"),
            "coef_": ("float32", "kd"),
            "intercept_": ("float32", "k"),
            "thresholds_": ("float32", "k"),
        },
    ),
    "prototype": _Kind(
        PrototypeHead,
        ("temperature",),
        {"classes_": ("int64", "k"), "prototypes_": ("float32", "kd")},
    ),
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        head: ready to answer.
        manifest: what was saved beside it.
        features: make the columns that the head wants behind each vector; None where it wants vectors alone.
    """

    head: Head
    manifest: dict[str, Any]
    features: FieldFeatures | None = None


def save(
    head: LinearHead | PrototypeHead | MultiHead,
    manifest: Mapping[str, Any],
    folder: Path,
    features: FieldFeatures | None = None,
) -> str:
    """Write a bundle.

    Args:
        head: a fitted head.
        manifest: whatever belongs to it, as JSON; without times, or the bytes differ from run to run.
        folder: made where it is missing; files of an earlier bundle in it are replaced.
        features: what makes the columns that the head wants behind vectors, if it wants any.

    Returns:
        The sha256 of `bundle.json`, in hexadecimal. It seals the head too, whose sha256 stands inside.
    """
    name = next(name for name, kind in _KINDS.items() if type(head) is kind.build)
    kind = _KINDS[name]
    given = [*kind.parameters, *(one for one, usual in kind.later.items() if getattr(head, one) != usual)]
    packed = pack({array: np.ascontiguousarray(getattr(head, array)) for array in kind.arrays})
    part = {
        "file": HEAD,
        "sha256": sha256(packed).hexdigest(),
        "kind": name,
        "parameters": {parameter: float(getattr(head, parameter)) for parameter in given},
    }
    content = {"protocol": PROTOCOL, "head": part, "manifest": manifest}
    if features is not None:
        content |= {"protocol": PROTOCOL_WITH_FIELDS, "fields": features.told()}
    text = json.dumps(
        content,
        sort_keys=True,
        indent=1,
        allow_nan=False,
        ensure_ascii=False,
    )
    sealed = (text + "\n").encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HEAD).write_bytes(packed)
    (folder / BUNDLE).write_bytes(sealed)
    return sha256(sealed).hexdigest()


def load(folder: "Place", expected_sha256: str) -> Bundle:
    """Read a bundle after checking it.

    Args:
        folder: where it was saved.
        expected_sha256: what `save` returned.

    Raises:
        BundleBroken: a file is missing or changed, or holds something that is not a head of this program.
    """
    path = folder / BUNDLE
    sealed = _read(path, expected_sha256)
    try:
        content = json.loads(sealed)
        protocol, part, manifest = content["protocol"], content["head"], dict(content["manifest"])
        name, parameters, file_sha256 = part["kind"], dict(part["parameters"]), str(part["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleBroken(f"{path} is not a bundle.") from error
    if protocol not in {PROTOCOL, PROTOCOL_WITH_FIELDS} or isinstance(protocol, bool | float):
        read = f"{PROTOCOL} and {PROTOCOL_WITH_FIELDS}"
        raise BundleBroken(f"{path} has protocol {protocol!r}; this program reads {read}. Train again.")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BundleBroken(f"{path} holds a {name!r}, which is no head of this program.")
    if set(parameters) - set(kind.later) != set(kind.parameters) or not all(map(_is_number, parameters.values())):
        raise BundleBroken(f"{path} does not give the numbers {', '.join(kind.parameters)}.")
    features = _features(content.get("fields"), path) if protocol == PROTOCOL_WITH_FIELDS else None
    head = _build(kind, parameters, _read(folder / HEAD, file_sha256), folder / HEAD)
    if features is not None and (isinstance(head, PrototypeHead) or head.coef_.shape[1] <= features.width):
        raise BundleBroken(f"{folder / HEAD} has no place for the {features.width} columns of its fields.")
    return Bundle(head, manifest, features)


def _features(told: object, path: "Place") -> FieldFeatures:
    try:
        return FieldFeatures.of(told)
    except ValueError as error:
        raise BundleBroken(f"{path} does not say which fields its head wants.") from error


def _build(
    kind: _Kind, parameters: Mapping[str, float], packed: bytes, path: "Place"
) -> LinearHead | PrototypeHead | MultiHead:
    """Look before building: exactly the arrays of this kind, each of its dtype, with sizes that agree."""
    try:
        arrays: _Arrays = unpack(packed)
    except (SafetensorError, ValueError, KeyError) as error:
        raise BundleBroken(f"{path} cannot be read ({type(error).__name__}).") from error
    sizes: dict[str, int] = {}
    if set(arrays) != set(kind.arrays):
        raise BundleBroken(f"{path} does not hold just the arrays {', '.join(kind.arrays)}.")
    for name, (dtype, shape) in kind.arrays.items():
        found = arrays[name]
        named = dict(zip(shape, found.shape, strict=False))
        if (
            str(found.dtype) != dtype
            or found.ndim != len(shape)
            or any(sizes.setdefault(size, length) != length for size, length in named.items())
        ):
            raise BundleBroken(f"{path}: the array {name} is not {dtype} of shape ({', '.join(shape)}).")
    head = kind.build(**parameters)
    for name, array in arrays.items():
        setattr(head, name, array)
    return head


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _read(path: "Place", expected_sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleBroken(f"{path} cannot be read: {error.strerror or error}.") from error
    found = sha256(data).hexdigest()
    if found != expected_sha256:
        raise BundleBroken(
            f"{path} was changed: its sha256 begins with {found[:12]}, {expected_sha256[:12]} was saved."
            " Roll back to another version or train again."
        )
    return data
