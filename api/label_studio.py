"""What Label Studio sends to a machine-learning backend and reads from it.

Its labelling configuration is read with the forgiving parser for HTML: that one knows no entities of its own, so
nothing in a configuration can make it grow.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from models.errors import Invalid, Problem
from models.store.tables import ProjectRow

MAX_CONFIG_CHARS = 256 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """The part of a labelling configuration that matters here: one question with choices, about one text.

    Attributes:
        control: name of the `Choices`.
        source: name of the tag that shows the text.
        key: which field of a task's data that text is.
        choices: what may be chosen; empty where the configuration leaves that open.
        aliases: what stands in results for those of the choices that have an alias.
    """

    control: str
    source: str
    key: str
    choices: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    def result(self, categories: Sequence[str]) -> list[dict[str, Any]]:
        """The region that shows these categories as chosen; none where the configuration does not offer them."""
        offered = {alias.casefold(): alias for alias in self.aliases.values()}
        offered |= {one.casefold(): self.aliases.get(one, one) for one in self.choices}
        known = [offered.get(one.casefold()) if offered else one for one in categories]
        chosen = [one for one in known if one is not None]
        if not chosen:
            return []
        value = {"choices": chosen}
        return [{"from_name": self.control, "to_name": self.source, "type": "choices", "value": value}]

    def meant(self, chosen: Sequence[str], categories: Collection[str]) -> list[str]:
        """The names of what was chosen: for an alias that is no category itself, the choice behind it."""
        behind = {alias: choice for choice, alias in self.aliases.items()}
        there = {one.casefold() for one in categories}
        return [one if one.casefold() in there else behind.get(one, one) for one in chosen]


@dataclass(slots=True)
class _Question:
    name: str
    about: str
    choices: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def offers(self, categories: Collection[str]) -> int:
        """How many of these categories may be chosen here."""
        offered = {one.casefold() for one in (*self.choices, *self.aliases.values())}
        return len(offered & {one.casefold() for one in categories})


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.questions: list[_Question] = []
        self.sources: dict[str, str] = {}
        self._inside: _Question | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "choices":
            self._inside = _Question(given.get("name", ""), given.get("toname", ""))
            self.questions.append(self._inside)
        elif tag == "choice" and self._inside is not None:
            self._inside.choices.append(given.get("value", ""))
            if given.get("alias"):
                self._inside.aliases[given.get("value", "")] = given["alias"]
        elif given.get("value", "").startswith("$") and "name" in given:
            self.sources[given["name"]] = given["value"].removeprefix("$")

    def handle_endtag(self, tag: str) -> None:
        if tag == "choices":
            self._inside = None


def layout_of(config: str, categories: Collection[str] = ()) -> Layout:
    """What a labelling configuration asks. Raises Invalid where it has no `Choices` about a text of the task.

    Args:
        categories: of several such questions, it is the one that offers most of these; else the first.
    """
    tags = _Tags()
    with suppress(AssertionError):  # the parser gives up on a `<![` unknown to it; what was before counts
        tags.feed(config[:MAX_CONFIG_CHARS])
    questions = [question for question in tags.questions if question.about in tags.sources]
    if questions:
        best = max(questions, key=lambda question: question.offers(categories))
        choices = tuple(one for one in best.choices if one)
        return Layout(best.name, best.about, tags.sources[best.about], choices, best.aliases)
    rule = "needs <Choices> whose toName is a tag that shows a field of the task, such as <Text value='$text'>"
    raise Invalid(f"The labelling configuration {rule}.", problems=[Problem(("body", "label_config"), rule)])


def text_of_task(data: dict[str, Any], project: ProjectRow, key: str | None) -> str:
    """A task's text: of the project's own fields, else of the configuration's, else of the only one there is."""
    names = [name for name in project.text_fields if name in data] or [name for name in (key, "text") if name in data]
    words = [name for name, value in data.items() if isinstance(value, str)]
    if not names and len(words) == 1:
        names = words
    own = bool(project.text_fields) and names[:1] and names[0] in project.text_fields
    parts = [str(data[name]) for name in (names if own else names[:1]) if isinstance(data[name], str | int | float)]
    return "\n".join(part for part in parts if part.strip())


def chosen_in(annotation: Mapping[str, Any], control: str | None) -> list[str]:
    """The categories that an annotation chooses; none where it was skipped.

    Args:
        control: name of the `Choices` that ask; the first that was answered, if None.
    """
    if annotation.get("was_cancelled"):
        return []
    chosen: list[str] = []
    for region in _list(annotation.get("result")):
        value = region.get("value") if isinstance(region, dict) and region.get("type") == "choices" else None
        choices = value.get("choices") if isinstance(value, dict) else None
        if choices and control in {None, region.get("from_name")}:
            control = region.get("from_name")
            # a choice in a tree of choices is a list from the root down: the leaf is the category
            leaves = [one[-1] if isinstance(one, list) and one else one for one in _list(choices)]
            chosen += [one for one in leaves if isinstance(one, str)]
    return list(dict.fromkeys(chosen))


def said_at(annotation: Mapping[str, Any]) -> datetime | None:
    """When an annotation was last changed; None where it does not say so."""
    for name in ("updated_at", "created_at"):
        with suppress(TypeError, ValueError):
            said = datetime.fromisoformat(annotation[name]) if annotation.get(name) else None
            if said is not None:
                return said if said.tzinfo else said.replace(tzinfo=UTC)
    return None


def _list(given: object) -> list[Any]:
    return given if isinstance(given, list) else []
