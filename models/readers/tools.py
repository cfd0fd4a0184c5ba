"""Rows as other tools of the field write them, made plain: the text and its fields, and the label under `label`.

Label Studio's tasks are JSON, Prodigy's and spaCy's examples JSON Lines, fastText's lines text: the parsers are those
formats' own, and this page only says what their rows mean. A field of the record that is itself called `label` is kept
as `input_label`. Several labels of one row stay apart, in a list.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.readers.layout import named_format
from models.readers.records import Format, ReadOptions, Row, RowError, excerpt

LABEL = "label"
_PREFIX = "__label__"
_JUDGED = ("annotations", "predictions", "completions")
_TASK_OWN = frozenset({"id", "data", "meta", "created_at", "updated_at", "inner_id", "project", *_JUDGED})
"""What a task has that nobody judged yet: as people make them for Label Studio's import, `data` alone."""
_PRODIGY_OWN = frozenset({"options", "accept", "answer", "config", "meta", "label"})
_OUR_META = frozenset({"id", "external_id", "source", "decided_by", "predicted", "score"})
_UNDERSCORES = re.compile("__?")
_PARTED = re.compile("([ \\t\\r\\v\\f]+)")
"""What fastText parts words at, within a line."""
_HARD_SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool's rows are known and read.

    Attributes:
        written_as: the format that its files are parsed as.
        fits: whether a row is surely the tool's.
        plain: the row made plain.
    """

    format: Format
    written_as: Format
    fits: Callable[[Mapping[str, Any]], bool]
    plain: Callable[[Row, ReadOptions], Row | RowError]


def tool_of(written_as: Format, first: Sequence[Mapping[str, Any]], options: ReadOptions) -> Tool | None:
    """The tool that was named, else the one that every one of the first rows surely comes from."""
    if options.format:
        asked = named_format(options.format)
        return next((tool for tool in TOOLS if tool.format is asked), None)
    fitting = (tool for tool in TOOLS if tool.written_as is written_as and first and all(map(tool.fits, first)))
    return next(fitting, None)


def _is_task(fields: Mapping[str, Any]) -> bool:
    if not isinstance(fields.get("data"), dict):
        return False
    return any(isinstance(fields.get(name), list) for name in _JUDGED) or _TASK_OWN.issuperset(fields)


def _plain_task(row: Row, options: ReadOptions) -> Row | RowError:
    data = row.fields.get("data")
    if not isinstance(data, dict):
        message = "A Label Studio task holds its record under `data`; export the tasks as JSON, not as JSON-MIN."
        return RowError(row.line, 1, "not-a-task", message, excerpt(row.source), row.fields)
    fields = _kept(data)
    if names := _chosen(standing(row.fields), options.label_field):
        fields[LABEL] = as_label(names)
    return Row(row.line, fields, row.source, row.fields)


def standing(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a Label Studio task the annotation that counts: the ground truth, else the last one that was not skipped."""
    given = task.get("annotations", task.get("completions"))
    there = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    counting = [one for one in there if not one.get("was_cancelled") and not one.get("skipped")]
    return next((one for one in counting if one.get("ground_truth")), counting[-1] if counting else {})


def _chosen(annotation: Mapping[str, Any], control: str | None) -> list[str]:
    """What was chosen in one `Choices` tag: the one named, else the first."""
    results = annotation.get("result")
    for result in results if isinstance(results, list) else ():
        if not isinstance(result, dict) or result.get("type") != "choices":
            continue
        if control not in {None, LABEL, result.get("from_name")}:
            continue
        value = result.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if isinstance(choices, list):
            # a choice in a tree of choices is a list from the root down: the leaf is the category
            leaves = [choice[-1] if isinstance(choice, list) and choice else choice for choice in choices]
            return [leaf for leaf in leaves if isinstance(leaf, str)]
    return []


def _is_example(fields: Mapping[str, Any]) -> bool:
    options = fields.get("options")
    choices = isinstance(options, list) and bool(options) and all(isinstance(o, dict) and "id" in o for o in options)
    return isinstance(fields.get("text"), str) and (choices or "_task_hash" in fields or _is_cats(fields.get("cats")))


def _is_cats(value: Any) -> bool:
    """Whether a value says of categories whether they are a record's, as spaCy has it: each with 0, 1 or a score."""
    return isinstance(value, dict) and all(isinstance(one, int | float) and 0 <= one <= 1 for one in value.values())


def _plain_example(row: Row, options: ReadOptions) -> Row | RowError:
    del options
    example = row.fields
    meta = _meta(example.get("meta"))
    fields = {name: value for name, value in example.items() if name not in _PRODIGY_OWN and not name.startswith("_")}
    for name, value in meta.items():
        fields.setdefault(name, value)
    if _is_cats(example.get("cats")):
        del fields["cats"]
    if names := [str(name) for name in _accepted(example) if isinstance(name, str | int) and str(name)]:
        fields[LABEL] = as_label(names)
    return Row(row.line, fields, row.source, row.fields)


def _accepted(example: Mapping[str, Any]) -> list[Any]:
    """What a person said: the choices, else the label, else the categories that are 1; other scores are a machine's."""
    cats = example.get("cats")
    certain = [name for name, score in cats.items() if score == 1] if isinstance(cats, dict) and _is_cats(cats) else []
    answer = example.get("answer")
    if answer != "accept":
        return certain if answer is None else []
    accepted, label = example.get("accept"), example.get("label")
    if isinstance(accepted, list):
        return accepted
    return certain if label is None else [label]


def _meta(meta: Any) -> Mapping[str, Any]:
    """What an example says of its record. Of our own export, who decided and what was predicted are no fields."""
    if not isinstance(meta, dict):
        return {}
    ours = "id" in meta and ({"source", "decided_by"} <= meta.keys() or {"predicted", "score"} <= meta.keys())
    if ours and meta.keys() <= _OUR_META:
        return {name: value for name, value in meta.items() if name == "external_id"}
    return meta


def _is_labelled(fields: Mapping[str, Any]) -> bool:
    return str(fields.get("text", "")).startswith(_PREFIX)


def _plain_line(row: Row, options: ReadOptions) -> Row | RowError:
    del options
    parts = _PARTED.split(row.fields["text"])  # words, and what parts them
    labels = [word.removeprefix(_PREFIX) for word in parts[::2] if word.startswith(_PREFIX)]
    kept = [
        (word, space)
        for word, space in zip(parts[::2], [*parts[1::2], ""], strict=True)
        if not word.startswith(_PREFIX)
    ]
    fields: dict[str, Any] = {"text": "".join(word + space for word, space in kept).strip()}
    if names := [_UNDERSCORES.sub(_spelt, label).replace(_HARD_SPACE, " ") for label in labels if label]:
        fields[LABEL] = as_label(names)
    return Row(row.line, fields, row.source)


def as_label(names: Sequence[str]) -> Any:
    """One name as a word, several (or one that would be taken for several) as a list."""
    return names[0] if len(names) == 1 and "|" not in names[0] else list(names)


def _spelt(mark: re.Match[str]) -> str:
    return " " if mark.group() == "_" else "_"


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"input_{name}" if name == LABEL else name: value for name, value in fields.items()}


TOOLS = (
    Tool(Format.LABEL_STUDIO, Format.JSON, _is_task, _plain_task),
    Tool(Format.PRODIGY, Format.JSONL, _is_example, _plain_example),
    Tool(Format.FASTTEXT, Format.TEXT, _is_labelled, _plain_line),
)
