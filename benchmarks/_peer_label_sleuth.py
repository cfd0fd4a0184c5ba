"""Label Sleuth: one process of ten threads (waitress), rows and labels in files, a model for one category.

It learns as it does by default, from bags of words and from vectors of words. Those it would fetch from elsewhere, and
they would have none for words that are made up; vectors drawn at random for just these words stand in their place, so
that its work is that on a text in English.
"""

import csv
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks._peer_environments import Pin, installed, version
from benchmarks._peer_line import Line
from benchmarks._peer_measures import looks
from benchmarks._peer_processes import Processes
from benchmarks._peer_product import Item, Person
from benchmarks._peer_rows import Rows
from benchmarks._stack import free_port

PIN = Pin("label-sleuth", ("label-sleuth==0.20.3",), ("3.10", "3.11"))
_PATIENCE = 1800.0
_OVER = frozenset({"READY", "ERROR", "INSUFFICIENT_TRAIN_DATA"})
_FIRST = 400  # labels before the first questions; about forty of them positive, where twenty are wanted
_VECTORS = """
import sys, numpy, spacy
language = spacy.blank("en", meta={"version": "3.5.0"})
drawn = numpy.random.default_rng(0)
for word in open(sys.argv[1]).read().split():
    language.vocab.set_vector(word, drawn.standard_normal(300, numpy.float32))
language.to_disk(sys.argv[2])
"""


class Annotator:
    """Somebody with the page open; there are no accounts by default, and all have one list in common."""

    def __init__(self, port: int, project: str, category: int, name: str) -> None:
        self._line, self._category, self._name = Line(port), category, name
        self._path = f"/workspace/{project}"
        self._start = 0

    def ask(self) -> Item | None:
        """Fetch the list of what should be labelled next; the first element without a label on it, or on the next."""
        while elements := self._listed():
            for element in elements:
                if not element["user_labels"]:
                    return Item(element["id"], element["text"])
            self._start += len(elements)
        return None

    def answer(self, item: Item, label: str) -> None:
        """Say whether it is of the category."""
        body = {"category_id": self._category, "binary_label": label == self._name}
        self._line.send("PUT", f"{self._path}/element/{item.key}", body)

    def _listed(self) -> list[dict[str, Any]]:
        query = urlencode({"category_id": self._category, "start_idx": self._start})
        found: list[dict[str, Any]] = self._line.get(f"{self._path}/active_learning?{query}")["elements"]
        return found


class LabelSleuth:
    """A running Label Sleuth."""

    name = "label-sleuth"
    suffix = ".csv"
    settings = "one process of ten threads, as its command starts it; its usual models; one category, yes or no"
    every = 20
    """What its configuration has: so many changed labels, and the next model is trained."""

    def __init__(self, python: Path, folder: Path, words: Sequence[str]) -> None:
        self._words = words
        self._port, self._python, self._folder = free_port(), str(python), folder
        self._processes = Processes(python, folder, {"HF_HUB_OFFLINE": "1"})
        self._line = Line(self._port)
        self._categories: dict[str, tuple[int, str]] = {}
        self._rows: dict[str, Rows] = {}
        self._ids: dict[str, list[str]] = {}
        self.version = version(python, self.name)

    def start(self) -> None:
        """Put vectors of words into their place, and start it."""
        words, output = self._folder / "words.txt", self._folder / "output"
        words.write_text("\n".join(self._words))
        vectors = output / "spacy_models" / "en_core_web_lg"
        vectors.parent.mkdir(parents=True)
        self._processes.run("words", self._python, "-c", _VECTORS, str(words), str(vectors))
        told = ["--port", str(self._port), "--output_path", str(output)]
        self._processes.start("server", self._python, "-m", "label_sleuth.start_label_sleuth", *told)
        self._processes.until(lambda: self._line.get("/workspaces"))

    def end(self) -> None:
        """End it."""
        self._processes.end()

    @property
    def pids(self) -> list[int]:
        """The one process."""
        return self._processes.pids

    def write(self, rows: Rows, file: Path, *, labelled: bool) -> None:
        """A CSV with the column text; labels go into a file beside it."""
        _write(file, ("text",), zip(rows.texts, strict=True))
        if labelled:
            _write_labels(_beside(file), rows, range(len(rows.texts)))

    def create(self, name: str, rows: Rows) -> str:
        """A project begins with its rows; here only its category is chosen."""
        project = name.replace(" ", "_")  # a hyphen ends a name in its ids
        self._categories[project], self._rows[project] = (0, rows.names[0]), rows
        return project

    def bring_in(self, project: str, file: Path) -> None:
        """Make a data set of the file and a workspace over it; then its labels, where there are any."""
        self._line.upload(f"/datasets/{project}/add_documents", file, "file", "text/csv")
        self._line.send("POST", "/workspace", {"workspace_id": project, "dataset_id": project})
        name = self._categories[project][1]
        body = {"category_name": name, "category_description": "", "category_color": "blue"}
        made = self._line.send("POST", f"/workspace/{project}/category", body)
        self._categories[project] = (int(made["category_id"]), name)
        if _beside(file).exists():
            self._line.upload(f"/workspace/{project}/import_labels", _beside(file), "file", "text/csv")

    def settle(self, project: str) -> None:
        """Nothing goes on behind an import."""

    def people(self, project: str, count: int) -> Sequence[Person]:
        """So many browsers; there is a list of what to label next only once a first model is trained."""
        self.teach(project, self._rows[project], _FIRST)
        return [Annotator(self._port, project, *self._categories[project]) for _ in range(count)]

    def export(self, project: str) -> int:
        """All labels as CSV."""
        content = self._line.ask("GET", f"/workspace/{project}/export_labels?labeled_only=true").decode()
        return sum(1 for _ in csv.DictReader(content.splitlines()))

    def teach(self, project: str, rows: Rows, count: int) -> None:
        """Import the labels of the first rows, and wait for the model that comes of it."""
        file = self._folder / f"{project}.taught.csv"
        _write_labels(file, rows, range(count))
        self._line.upload(f"/workspace/{project}/import_labels", file, "file", "text/csv")
        self._next_model(project)

    def relearn(self, project: str, rows: Rows, start: int) -> float:
        """Label twenty rows; every item has a new prediction when the iteration is ready."""
        category, name = self._categories[project]
        if project not in self._ids:
            self._ids[project] = self._elements(project, len(rows.texts))
        for place in range(start, start + self.every):
            began = time.perf_counter()
            body = {"category_id": category, "binary_label": rows.labels[place] == name}
            self._line.send("PUT", f"/workspace/{project}/element/{self._ids[project][place]}", body)
        self._next_model(project)
        return time.perf_counter() - began

    def _next_model(self, project: str) -> None:
        """Have a model trained as the page does, by asking for the state, and wait until all is predicted."""
        known = self._models(project)
        query = urlencode({"category_id": self._categories[project][0]})
        self._line.get(f"/workspace/{project}/status?{query}")
        for _ in looks(0.05, _PATIENCE):
            models = self._models(project)
            if len(models) > len(known) and models[-1]["iteration_status"] in _OVER:
                break
        if models[-1]["iteration_status"] != "READY":
            raise ValueError(f"the model ended as {models[-1]['iteration_status']}")

    def _models(self, project: str) -> list[dict[str, str]]:
        query = urlencode({"category_id": self._categories[project][0]})
        found: list[dict[str, str]] = self._line.get(f"/workspace/{project}/iterations?{query}")["iterations"]
        return found

    def _elements(self, project: str, count: int) -> list[str]:
        """The ids of all rows, in their order."""
        document = self._line.get(f"/workspace/{project}")["workspace"]["first_document_id"]
        found = self._line.get(f"/workspace/{project}/document/{document}?size={count}")["elements"]
        return [one["id"] for one in found]


def _beside(file: Path) -> Path:
    return file.with_suffix(".labels.csv")


def _write_labels(file: Path, rows: Rows, places: range) -> None:
    category = rows.names[0]
    lines = ((rows.texts[place], category, str(rows.labels[place] == category)) for place in places)
    _write(file, ("text", "category_name", "label"), lines)


def _write(file: Path, head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(head)
        writer.writerows(lines)


@contextmanager
def running(cache: Path, folder: Path, words: Sequence[str]) -> Iterator[LabelSleuth]:
    """Label Sleuth in an environment of its own, while the `with` block lasts."""
    server = LabelSleuth(installed(PIN, cache), folder, words)
    try:
        server.start()
        yield server
    finally:
        server.end()
