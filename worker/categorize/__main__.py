"""`python -m worker.categorize SOURCE DESTINATION --version N`: answer files of any size."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from models.errors import WinnowError
from models.readers.records import Format
from models.runtime import Runtime
from models.settings import Settings
from models.steps.ingest import read_bounds
from models.store.session import Database
from worker.categorize.files import Destination, Done, sources
from worker.categorize.recipe import recipe_of

_PART_ROWS = 5_000
_CANNOT = 2
_FAILED = 1


def main() -> int:
    """Answer as the arguments say; what was done is one line of JSON on the standard output."""
    wanted = arguments()
    try:
        from worker.categorize import spread  # noqa: PLC0415  (Ray is an extra)
    except ImportError:
        return _give_up("Ray is not installed: pip install 'winnow[ray]'", _CANNOT)
    try:
        settings = Settings()
        database = Database(settings.database)
        try:
            recipe = recipe_of(Runtime(settings, database), wanted.project, wanted.version)
        finally:
            database.close()
        found = sources(wanted.source)
        options = replace(
            read_bounds(settings),
            text_fields=tuple(wanted.text_field or ()),
            preferred_fields=recipe.text_fields,
            encoding=wanted.encoding,
            delimiter=wanted.delimiter,
        )
        plan = {
            "sources": [asdict(one) for one in found],
            "project": recipe.project,
            "version": recipe.number,
            "sha256": recipe.sha256,
            "encoder": recipe.encoder,
            "categories": [list(one) for one in recipe.categories],
            "thresholds": [recipe.threshold, sorted(recipe.by_category.items())],
            "text_fields": list(options.text_fields),
            "format": wanted.format,
            "part_rows": wanted.part_rows,
        }
        there = Destination(wanted.destination).claim(json.loads(json.dumps(plan)))
        job = spread.Wanted(recipe, found, wanted.destination, options, wanted.format, wanted.part_rows, there)
        print(json.dumps(_follow(spread.spread(job, address=wanted.address, workers=wanted.workers))))  # noqa: T201
    except ValidationError as error:
        return _give_up("; ".join(str(fault["msg"]) for fault in error.errors()), _CANNOT)
    except WinnowError as error:
        return _give_up(error.detail, _FAILED)
    except (SQLAlchemyError, OSError) as error:
        return _give_up(str(error.__cause__ or error).strip().splitlines()[0], _FAILED)
    return 0


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What is wanted, by the words of a command line."""
    parser = argparse.ArgumentParser(prog="python -m worker.categorize", description=__doc__)
    parser.add_argument("source", help="file, folder or pattern on any store that fsspec knows")
    parser.add_argument("destination", help="folder of the results")
    parser.add_argument(
        "--version", type=int, required=True, help="which version answers; 0 for names and descriptions"
    )
    parser.add_argument("--project", help="its slug; may be left out where there is one project alone")
    parser.add_argument("--address", help="of a Ray cluster; this machine if left out")
    parser.add_argument("--workers", type=int, help="most actors; as many as processors if left out")
    parser.add_argument(
        "--format", choices=[Format.CSV, Format.JSONL, Format.PARQUET], help="as the source if left out"
    )
    parser.add_argument("--text-field", action="append", help="column of the text; several times for several columns")
    parser.add_argument("--encoding")
    parser.add_argument("--delimiter")
    parser.add_argument("--part-rows", type=int, default=_PART_ROWS, help="rows of a part")
    return parser.parse_args(given)


def _follow(done: Iterator[Done]) -> dict[str, float]:
    """Say how far it is, part by part."""
    began = time.monotonic()
    parts = rows = errors = 0
    for one in done:
        parts, rows, errors = parts + 1, rows + one.rows, errors + one.errors
        pace = rows / max(time.monotonic() - began, 1e-9)
        sys.stderr.write(f"{one.name}: {rows:,} rows answered, {errors:,} without an answer, {pace:,.0f} a second\n")
    return {"parts": parts, "rows": rows, "errors": errors, "seconds": round(time.monotonic() - began, 2)}


def _give_up(sentence: str, code: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
