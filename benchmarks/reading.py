"""How fast a file is read, and in how much memory: rows a second and peak resident size for generated CSV."""

import argparse
import csv
import json
import random
import resource
import tempfile
import time
from pathlib import Path

from models.readers import ReadOptions, Record, read

WORDS = ("account", "card", "charge", "payment", "transfer", "refund", "balance", "late", "twice", "limit", "fee")


def generate(path: Path, rows: int) -> None:
    rng = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "text", "label"])
        out.writerows([number, " ".join(rng.choices(WORDS, k=12)), rng.choice(WORDS)] for number in range(rows))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--json", type=Path, default=None, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="20,000 rows")
    options = parser.parse_args()
    rows = 20_000 if options.quick else options.rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        generate(path, rows)
        before = peak_mib()
        start = time.perf_counter()
        wanted = ReadOptions(text_fields=("text",), id_field="id", label_field="label")
        taken = sum(isinstance(outcome, Record) for outcome in read(path, path.name, wanted))
        seconds = time.perf_counter() - start
        result = {
            "rows": rows,
            "records": taken,
            "file_mib": round(path.stat().st_size / 2**20, 1),
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows / seconds),
            "peak_mib_before": round(before, 1),
            "peak_mib": round(peak_mib(), 1),
        }
    for name, value in result.items():
        print(f"{name:>18}  {value}")
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
