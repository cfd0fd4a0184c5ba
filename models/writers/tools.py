"""Items as other tools of the field read them: Label Studio tasks, Prodigy's JSON Lines, fastText's training lines.

A row is what `models.steps.export` gives. What a person decided becomes an annotation, what the machine says a
prediction; the two are never mixed up.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

CONTROL, TEXT = "category", "text"
"""The names of the `Choices` and `Text` tags of Label Studio's configuration."""

PREFIX = "__label__"
_PREFIXED = re.compile(r"(?<!\S)__label__")


class LabelStudioWriter:
    """One array of tasks.

    They fit a configuration with `<Text name="text" value="$text"/>` and `<Choices name="category" toName="text">`.
    """

    def __init__(self) -> None:
        self._between = b"\n"

    def header(self) -> bytes:
        """The opening bracket."""
        return b"["

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One task with its annotation, if it is decided, and its prediction, if there is one."""
        task: dict[str, Any] = {"data": _data(row), "annotations": [], "predictions": []}
        if names := _names(row):
            task["annotations"].append({"result": [_choices(f"{row['id']}a", names)], "was_cancelled": False})
        if row.get("predicted_category") is not None:
            said = {
                "model_version": str(row["model_version"]),
                "score": row["confidence"],
                "result": [_choices(f"{row['id']}p", [row["predicted_category"]])],
            }
            task["predictions"].append(said)
        between, self._between = self._between, b",\n"
        return between + _json(task)

    def footer(self) -> bytes:
        """The closing bracket."""
        return b"\n]\n"


class ProdigyWriter:
    """A task of the `choice` interface on each line.

    Args:
        categories: the options.
        several: whether more than one may be chosen.
    """

    def __init__(self, categories: Sequence[str], *, several: bool) -> None:
        self._options = [{"id": name, "text": name} for name in categories]
        self._style = "multiple" if several else "single"

    def header(self) -> bytes:
        """Nothing: the format needs none."""
        return b""

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One task; an undecided one has no `answer`, a flagged one is to be ignored."""
        task: dict[str, Any] = {
            "text": row["text"],
            "options": self._options,
            "meta": {name: row[name] for name in ("id", "external_id", "source", "decided_by") if row.get(name)},
            "_view_id": "choice",
            "config": {"choice_style": self._style},
        }
        if row.get("predicted_category") is not None:
            task["meta"] |= {"predicted": row["predicted_category"], "score": row["confidence"]}
        if names := _names(row):
            task |= {"accept": names, "answer": "accept"}
        elif row.get("state") == "flagged":
            task |= {"accept": [], "answer": "ignore"}
        return _json(task) + b"\n"

    def footer(self) -> bytes:
        """Nothing: the format needs none."""
        return b""


class FastTextWriter:
    """A line for each item: its categories as `__label__Name`, then its text. An undecided item is a line of text."""

    def header(self) -> bytes:
        """Nothing: the format needs none."""
        return b""

    def row(self, row: Mapping[str, Any]) -> bytes:
        """One line. A word of the text that would count as a label is parted: the format cannot quote it."""
        labels = [label_of(name) for name in _names(row)]
        text = _PREFIXED.sub("__ label__", " ".join(str(row["text"]).split()))
        return " ".join([*labels, text]).encode("utf-8") + b"\n"

    def footer(self) -> bytes:
        """Nothing: the format needs none."""
        return b""


def label_of(name: str) -> str:
    """A category as fastText takes it, which knows no spaces: they become `_`, and `_` becomes `__`.

    A space before `_` becomes a no-break space, which parts no words there: `a _b` and `a_ b` stay two categories.
    """
    words = " ".join(name.split()).replace(" _", "\N{NO-BREAK SPACE}_")
    return PREFIX + words.replace("_", "__").replace(" ", "_")


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {TEXT: row["text"], "winnow_id": row["id"]}
    if row.get("external_id"):
        data["external_id"] = row["external_id"]
    if row.get("fields"):
        data["fields"] = row["fields"]
    return data


def _choices(result_id: str, names: Sequence[str]) -> dict[str, Any]:
    return {
        "id": result_id,
        "from_name": CONTROL,
        "to_name": TEXT,
        "type": "choices",
        "value": {"choices": list(names)},
    }


def _names(row: Mapping[str, Any]) -> list[str]:
    given = row.get("category")
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")
