"""The work spread by Ray Data: files are read as a stream, parts are answered by actors that load the bundle once."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ray
import ray.data

from models.errors import Unavailable
from models.readers.records import ReadOptions
from models.runtime import Runtime
from models.settings import Settings, Stage
from models.store.session import Database
from models.writers.augmenting import Form
from worker.categorize.files import Destination, Done, Source, packed, parts, unpacked
from worker.categorize.recipe import Answerer, Recipe

_BLOCK_BYTES = 1  # each part is sent by itself, as soon as it is read


@dataclass(frozen=True)
class Wanted:
    """What is to be done.

    Attributes:
        format: of the result; as each file's own if None.
        rows: of a part.
        there: names of parts that are written.
    """

    recipe: Recipe
    sources: list[Source]
    destination: str
    options: ReadOptions
    format: str | None
    rows: int
    there: frozenset[str]


def spread(wanted: Wanted, *, address: str | None, workers: int | None) -> Iterator[Done]:
    """Answer everything; tells of each part as it is written, in no promised order.

    Args:
        address: of a Ray cluster; None for one that is started here and ends with this.
        workers: most actors; as many as there are processors if None.

    Raises:
        Unavailable: the cluster cannot be reached, or an actor failed again and again.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address, include_dashboard=None if address else False, logging_level=logging.WARNING)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Unavailable(f"the Ray cluster {address or 'of this machine'} cannot be used: {error}") from error
    context = ray.data.DataContext.get_current()
    context.target_max_block_size = _BLOCK_BYTES
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    files = ray.data.from_items([_told(one) for one in wanted.sources], override_num_blocks=len(wanted.sources))
    answered = files.flat_map(_reading(wanted), num_cpus=0, concurrency=most).map(
        Writing, fn_constructor_args=(wanted.recipe, wanted.destination), num_cpus=1, concurrency=(1, most)
    )
    try:
        for row in answered.iter_rows():
            yield Done(row["name"], row["rows"], row["errors"])
    except ray.exceptions.RayError as error:
        raise Unavailable(str(error).strip().splitlines()[-1]) from error
    finally:
        ray.shutdown()


def _told(source: Source) -> dict[str, Any]:
    return {"path": source.path, "place": source.place, "size": source.size}


def _reading(wanted: Wanted) -> Callable[[dict[str, Any]], Iterator[dict[str, Any]]]:
    """What a reading task does: a file becomes parts."""
    options, format, rows, there = wanted.options, wanted.format, wanted.rows, wanted.there

    def read(file: dict[str, Any]) -> Iterator[dict[str, Any]]:
        source = Source(file["path"], int(file["place"]), int(file["size"]))
        for part in parts(source, options, format, rows, there):
            yield {"name": part.name, "form": part.form.packed(), "rows": packed(part.rows)}

    return read


class Writing:
    """An actor: has the encoder and the version loaded, answers parts and writes them."""

    def __init__(self, recipe: Recipe, destination: str) -> None:
        settings = Settings(threads=1, env=Stage.DEVELOPMENT)  # nothing is signed here: no secret is asked for
        database = Database("sqlite://")  # nothing is asked of one here
        encoders = Runtime(settings, database).encoders
        self._answers = Answerer(recipe, encoders.named(recipe.encoder) or encoders.own)
        self._destination = Destination(destination)

    def __call__(self, part: dict[str, Any]) -> dict[str, Any]:
        """Answer a part; tells what was written."""
        form = Form.unpacked(part["form"])
        answered = form.answered(unpacked(part["rows"]), self._answers)
        out = form.writer()
        content = b"".join([out.header(), *(out.row(row) for row in answered), out.footer()])
        self._destination.write(part["name"], content)
        return {"name": part["name"], "rows": len(answered), "errors": sum("error" in row for row in answered)}
