"""Text to vectors.

An encoder's id names model, revision and precision: vectors of different encoders never meet. The
default runs on onnxruntime: it loads in well under a second and answers one text about three times as
fast as PyTorch does. Its graph is exported from the weights once. Neither PyTorch nor transformers is
imported here: they are fetched only to export, or when the runtime `torch` is asked for.
"""

import importlib
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from models.errors import Unavailable
from models.learn.onnx_encoder import Manifest, OnnxEncoder
from models.learn.static_encoder import StaticEncoder, distil
from models.learn.weights import DEFAULT, Precision, Weights, find_weights

__all__ = ["DEFAULT", "Encoder", "EncoderRuntime", "exported_name", "load_encoder"]

EncoderRuntime = Literal["onnx", "torch", "static"]

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_GRAPHS: Final[dict[Precision, str]] = {"fp32": "2-fp32", "int8": "int8"}


class Encoder(Protocol):
    """Whatever turns texts into vectors whose dot product is their likeness."""

    @property
    def id(self) -> str:
        """Model, revision and precision, e.g. `all-MiniLM-L6-v2@53aa51172d14/fp32`."""

    @property
    def dimensions(self) -> int:
        """Numbers a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts, in their order.

        Returns:
            Shape (n, dimensions), each row of length 1. Safe to call from several threads.
        """


def _silent(_message: str) -> None:
    """Nobody listens."""


def load_encoder(
    name: str = DEFAULT,
    *,
    runtime: EncoderRuntime = "onnx",
    precision: Precision = "fp32",
    cache_dir: Path,
    threads: int = 2,
    progress: Callable[[str], None] = _silent,
) -> Encoder:
    """Load an encoder; the first time, with the runtime `onnx`, export it.

    Several processes may call this at once: one exports, the others wait for it. What is broken in `cache_dir` is made
    anew; a folder that is named is only refused.

    Args:
        name: see `models.learn.weights.find_weights`; or a folder that holds an encoder exported before.
        runtime: `onnx` is light and quick; `torch` runs what cannot be exported. Both give the same vectors. `static`
            is another encoder, distilled from the exported one: coarser, and many times as fast.
        precision: `int8`, for the runtime `onnx` alone, is smaller and coarser; its vectors and its id are others.
        cache_dir: where exported encoders are kept.
        threads: processor threads for one call.
        progress: told in words what takes long.

    Raises:
        Unavailable: the weights are missing or broken, or cannot be exported or kept, or not at this precision.
    """
    exported = Path(name).expanduser()
    is_exported = OnnxEncoder.is_there(exported)
    if runtime == "onnx" and is_exported:
        return OnnxEncoder(exported, threads)
    if runtime == "static" and StaticEncoder.is_there(exported):
        return StaticEncoder(exported)
    if runtime == "static":
        source = exported if is_exported else _exported(find_weights(name), "fp32", cache_dir, threads, progress)[0]
        return _distilled(source, cache_dir, threads, progress)
    weights = find_weights(name)
    if runtime == "torch":
        if precision != "fp32":
            raise Unavailable(f"PyTorch runs the encoder in fp32 only, not in {precision}: use the runtime onnx.")
        progress(f"Loading {weights.label} with PyTorch")
        pytorch = importlib.import_module("models.learn.torch_encoder")
        encoder: Encoder = pytorch.TorchEncoder(weights, threads)
        return encoder
    return _exported(weights, precision, cache_dir, threads, progress)[1]


def exported_name(weights: Weights, precision: Precision) -> str:
    """What the folder of an exported encoder is called; another one where a release makes another graph."""
    return f"{weights.key}-{_GRAPHS[precision]}-onnx"


def _exported(
    weights: Weights, precision: Precision, cache_dir: Path, threads: int, progress: Callable[[str], None]
) -> tuple[Path, OnnxEncoder]:
    """The folder of an exported encoder, and the encoder in it."""
    folder = cache_dir / exported_name(weights, precision)

    def make(whole: Path) -> None:
        progress(f"Exporting {weights.label} to ONNX in {precision}: once, about 20 seconds")
        _export(weights, precision, whole)
        progress(f"{weights.label} is ready")

    return folder, _kept(folder, OnnxEncoder.is_there, lambda: OnnxEncoder(folder, threads), make)


def _distilled(source: Path, cache_dir: Path, threads: int, progress: Callable[[str], None]) -> StaticEncoder:
    """The static encoder of an exported one."""
    name = Manifest.read(source).id.rpartition("/")[0]
    folder = cache_dir / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-static"

    def make(whole: Path) -> None:
        progress(f"Distilling {name}: once, about half a minute")
        distil(source, whole, threads)

    return _kept(folder, StaticEncoder.is_there, lambda: StaticEncoder(folder), make)


def _kept(folder: Path, is_there: Callable[[Path], bool], opened: Callable[[], T], make: Callable[[Path], None]) -> T:
    """The encoder of a folder of the cache, which is made where it is not there yet, or not what it was made as."""
    if is_there(folder):
        with suppress(Unavailable):  # a disk has its faults; whoever has the lock looks again
            return opened()
    with _making(folder):
        if is_there(folder):
            try:
                return opened()
            except Unavailable as error:
                _LOG.warning("%s", error)
        _put(folder, make)
    return opened()


@contextmanager
def _making(folder: Path) -> Iterator[None]:
    """The right to make a folder. Raises Unavailable where it cannot be kept."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            yield
    except OSError as error:
        raise Unavailable(
            f"The encoder cannot be kept in {folder.parent}: {error.strerror or error}."
            " Free some space (100 MB) or allow this process to write there."
        ) from error


def _export(weights: Weights, precision: Precision, whole: Path) -> None:
    """Make an exported encoder; the coarser one from the plain graph, for from another its vectors would be others."""
    export = importlib.import_module("models.learn.onnx_export").export
    if precision == "fp32":
        export(weights, whole)
    else:
        plain = whole.with_name("plain")
        export(weights, plain, fused=False)
        importlib.import_module("models.learn.onnx_quantise").quantise(plain, whole, weights.id_in("int8"))


def _put(folder: Path, make: Callable[[Path], None]) -> None:
    """Put an encoder where it belongs, whole or not at all. Whoever calls holds the lock."""
    scratch_prefix = f".{folder.name}-"
    for left_over in folder.parent.glob(f"{scratch_prefix}*"):  # of attempts that were killed
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix=scratch_prefix, dir=folder.parent) as scratch:
        whole = Path(scratch) / "whole"
        make(whole)
        if folder.exists():
            shutil.rmtree(folder)
        whole.rename(folder)
