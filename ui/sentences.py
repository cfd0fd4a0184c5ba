"""Words for what the API says in codes and numbers: one place, so that every page says the same."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from winnow import ApiError, ConnectionFailed, WinnowError
from winnow.schemas_insight import Comparison, Fields, HonestAccuracy, ItemCounts, Stats

FEW_AUDITS = 10
"""With fewer blind checks only the interval is shown: one figure would say more than is known."""

LIKELY = 0.7
"""From this confidence on a suggestion is called likely, and its card not hard to tell."""

CLEAR = 0.05
"""A difference that chance alone would bring less often than this is taken to be real."""

NOTHING = "\u2013"  # a dash, where there is no number yet

_MANY_NEWER = 0.1  # of all items: less is no reason to doubt a figure
_LONGEST = 400  # characters of a text that is one of several
_NAMED = 6
_MINUTE = 60
_HOUR = 3600

_LIKENESS = ((0.9, "nearly the same"), (0.7, "very much alike"), (0.5, "alike"))

_AUDIT = re.compile(r"\b(?:blind )?audit(s?)\b")

_ADDRESS = re.compile(r"(?<!\w)https?://[\w./?=&%#:;,@+$-]+")
_MARKS = re.compile(r"[\\`*_\[\]<>#$~|&!]")
_BEGINS = re.compile(r"^[ \t]*(?:([-+=])|(\d+)([.)]))?", re.MULTILINE)
_SHORT_CODE = re.compile(r":(?=[\w/+-]+:)")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})

_REASONS = {
    "uncertain": ("Hard to tell", "The system wavers between categories here, so your answer teaches it most."),
    "diverse": ("Variety", "It adds variety to what has been decided so far."),
    "audit": (
        "Blind check",
        "Drawn at random to measure accuracy. What the machine thinks is hidden, so that the answer is yours alone.",
    ),
    "second_look": ("Second look", "Asked a second time, and no suggestion is shown, to see whether the answer holds."),
    "requested": ("Requested", "A program asked for a person's answer."),
}

_JOBS = {
    "import": "Reading a file",
    "embed": "Reading new items",
    "score": "Predicting all items",
    "queue": "Choosing what to ask next",
    "train": "Training a version",
    "register": "Comparing the new version with the one that serves",
    "batch_predict": "Categorising a file",
    "maintain": "Tidying up",
}


def reason(kind: str, explanation: str | None, sure: float | None = None) -> tuple[str, str]:
    """Why a card is asked, as a label and a sentence. The server's own sentence wins, except on blind cards.

    Args:
        kind: the API's word for the reason.
        explanation: the server's sentence, where it has one.
        sure: the confidence of the suggestion, 0 to 1, where one is shown.
    """
    label, why = _REASONS.get(kind, (kind.replace("_", " ").capitalize(), ""))
    if kind == "uncertain" and sure is not None and sure >= LIKELY:
        label = "Less sure than most"
    if kind != "audit" and explanation:
        why = explanation[0].upper() + explanation[1:]
        why = why if why.endswith((".", "?", "!")) else why + "."
    return label, why


def extra_fields(text: str, fields: Mapping[str, Any], external_id: str | None = None) -> dict[str, Any]:
    """The fields of a record that say more than its text: not the lines of it, not its id, nothing empty."""
    lines = {line.strip() for line in text.splitlines()} | {text.strip(), external_id}
    return {
        name: value for name, value in fields.items() if value not in (None, "") and str(value).strip() not in lines
    }


def trouble(error: WinnowError, *, repeats: bool = False) -> str:
    """Why something does not go on right now, and what happens next.

    Args:
        error: what the client raised.
        repeats: whether the same is tried again by itself, so that nobody has to.
    """
    if isinstance(error, ConnectionFailed):
        return "The server does not answer" + ("; this page tries again by itself." if repeats else ". Try again soon.")
    if isinstance(error, ApiError):
        return error.detail or error.title
    return str(error)


def percent(share: float | None, digits: int = 0) -> str:
    """`0.934` as `93 %`; a dash for None."""
    return NOTHING if share is None else f"{100 * share:.{digits}f} %"


def count(number: int, noun: str, many: str | None = None) -> str:
    """`2,225 items`, `1 item`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def plain(text: str) -> str:
    """What somebody wrote, safe in Markdown: shown letter by letter, whatever it looks like.

    Nothing in it becomes a picture, a formula, an icon or a heading; an address stays one that can be followed. What
    is written from right to left does not turn the words around it.
    """
    parts, done = [], 0
    for address in _ADDRESS.finditer(text):
        parts += [_marked(text[done : address.start()]), address.group()]
        done = address.end()
    safe = _BEGINS.sub(_begun, "".join([*parts, _marked(text[done:])]))
    turned = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)
    return f"\u2068{safe}\u2069" if turned else safe


def _marked(text: str) -> str:
    # A short code is looked for after backslashes are gone: only a letter that is not seen keeps it from being one.
    return _SHORT_CODE.sub(":\u2060", _MARKS.sub(r"\\\g<0>", text))


def _begun(line: re.Match[str]) -> str:
    """How a line begins: as no list, and as no code for being indented."""
    bullet, number, after = line.groups()
    return f"\\{bullet}" if bullet else f"{number}\\{after}" if number else ""


def short(text: str) -> str:
    """The beginning of a text, with an ellipsis where more follows."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def unanswered(accuracy: HonestAccuracy) -> str | None:
    """Which blind checks nobody answered, and what that could mean for an accuracy; None where all were answered."""
    beside, worst = accuracy.unanswered, accuracy.at_worst
    if beside is None or worst is None or not beside.passed_over:
        return None
    how = {"skipped": beside.skipped, "flagged": beside.flagged, "in dispute": beside.disputed, "left": beside.left}
    told = ", ".join(f"{number:,} {name}" for name, number in how.items() if number)
    checks = f"{count(beside.passed_over, 'more blind check')} got no answer ({told})"
    wrong_on = "it" if beside.passed_over == 1 else "all of them"
    least = f"at least {percent(worst.low)}"
    figure = least if accuracy.audited < FEW_AUDITS else f"{percent(worst.accuracy)}, {least}"
    return f"{checks}. Were the machine wrong on {wrong_on}, it would be {figure}."


def newcomers(accuracy: HonestAccuracy) -> str | None:
    """How much came in since, of which the accuracy knows nothing; None where that is little."""
    if accuracy.newer_items < _MANY_NEWER:
        return None
    return f"{percent(accuracy.newer_items)} of the items came in since: the figure does not speak of them yet."


def band(accuracy: HonestAccuracy | None) -> str:
    """The honest accuracy in a sentence, or why there is none yet."""
    if accuracy is None or accuracy.accuracy is None:
        return "Not measured yet. Some cards in review are blind checks; the first of them give a first figure."
    checks = count(accuracy.audited, "blind check")
    low, high = percent(accuracy.low), percent(accuracy.high)
    if accuracy.audited < FEW_AUDITS:
        return f"Somewhere between {low} and {high}: {checks} so far, too few for one figure."
    return f"Between {low} and {high} with 95 % certainty, from {checks}."


def automation(stats: Stats) -> str:
    """What may be done without people, in a sentence."""
    held = stats.automation
    target = percent(held.target_accuracy if held.target_accuracy is not None else held.target)
    if held.suspended:
        return f"Suspended, so people answer everything: {own_words(held.reason or 'blind checks speak against it')}."
    if held.threshold is not None and held.share is not None:
        return f"At {target} accuracy, answers with a confidence of {percent(held.threshold)} or more need no person."
    if held.categories and held.share is not None:
        sure = count(held.categories, "category", "categories")
        return f"At {target} accuracy in each, the surest answers of {sure} need no person."
    unproven = f"Nothing is accepted unseen yet: {target} accuracy is not proven."
    looked_at = held.audits or 0  # when the version was trained; there may be more by now
    if held.audits_needed:
        more = count(held.audits_needed, "more blind check" if looked_at else "blind check")
        beyond = f", beyond the {looked_at} that were looked at" if looked_at else ""
        return f"{unproven} About {more} may settle it{beyond}."
    if held.audits:
        return (
            f"{unproven} The answers to {count(looked_at, 'blind check')} speak against it: better versions come first."
        )
    return unproven


def own_words(text: str) -> str:
    """A sentence of the server in the words of these pages: what it calls an audit is a blind check here."""
    return _AUDIT.sub(r"blind check\1", text).replace("audited answers", "blindly checked answers").rstrip(".")


def paired(found: Comparison) -> str:
    """What the paired test of two versions says, in words."""
    first, second = f"version {found.a}", f"version {found.b}"
    checks = count(found.items or 0, "blind check")
    if not found.items:
        return "There is no blind check yet that neither version learnt from, so nothing tells which is better."
    only_a, only_b = found.only_a_right, found.only_b_right
    if not only_a + only_b:
        return f"On {checks} both are right and wrong together: nothing tells them apart."
    told = f"Of {checks}, {first} alone is right on {only_a:,} and {second} alone on {only_b:,}."
    chance = f"Equally good versions would differ at least this much {_often(found.p_value)}"
    if found.p_value is not None and found.p_value < CLEAR:
        better = first if only_a > only_b else second
        return f"{told} {chance}: {better} is better."
    if found.b_is_worse:
        return f"{told} {chance}; asked only whether {second} is worse, the test says yes."
    return f"{told} {chance}: that is no proof that either is better."


def _often(share: float | None) -> str:
    if share is None:
        return "at times"
    cases = round(100 * share)
    return f"in {cases} of 100 cases" if cases else "in less than 1 of 100 cases"


def job(kind: str) -> str:
    """What a job does, for people."""
    return _JOBS.get(kind, kind.replace("_", " ").capitalize())


def waiting(stats: Stats) -> str:
    """Who answers now and when the next version trains."""
    serving = stats.serving_model or 0
    who = f"Version {serving} answers." if serving else "Answers come from the categories' names and descriptions."
    every = stats.training.retrain_every
    if not every:
        return who
    if stats.training.held_up_by:
        return f"{who} The last training made no version: {own_words(stats.training.held_up_by)}."
    left = every - stats.training.decisions_since_last
    if left <= 0:
        return f"{who} The next version is due."
    return f"{who} The next version trains after {count(left, 'more decision')}."


def training(stats: Stats) -> tuple[str, str] | None:
    """The banner about versions: (`busy` or `done` or `failed`, sentence), or None where there is nothing to say."""
    latest = stats.latest_model
    number = latest.version if latest else 0
    if stats.training.running or (latest and latest.status == "training"):
        coming = number if latest and latest.status == "training" else number + 1
        return "busy", f"Version {coming} is in training."
    if latest is None or latest.version == 0:
        return None
    summary = f": {latest.summary}" if latest.summary else "."
    if latest.status == "serving":
        return "done", f"Version {latest.version} serves{summary}"
    if latest.status == "failed":
        return "failed", f"Version {latest.version} could not be trained{summary}"
    return "done", f"Version {latest.version} is a candidate{summary}"


def reading(items: ItemCounts) -> str:
    """How far the items have been read."""
    if items.quick:
        return f"Quick vectors: the full ones follow, {items.embedded / items.total:.0%} so far"
    return f"Reading items: {items.embedded:,} of {items.total:,}"


def rest(stats: Stats) -> dict[str, str]:
    """What the card says when there is nothing to review."""
    items = stats.items
    if not items.total:
        return {"title": "No items yet", "text": "Import a file, and the first cards appear here by themselves."}
    if items.embedded < items.total and not items.quick:
        done = f"{items.embedded:,} of {items.total:,}"
        return {
            "title": "Getting to know the items",
            "text": f"{done} have been read so far. The first cards appear here by themselves.",
        }
    if items.decided >= items.total:
        return {"title": "Every item is decided", "text": "Import more, or look through the decisions in Explore."}
    if stats.queue.leased:
        return {
            "title": "All open cards are in other hands",
            "text": "They come back when somebody skips them or leaves. New cards appear here by themselves.",
        }
    return {"title": "Nothing to review right now", "text": "New cards appear here by themselves."}


def fields_that_weigh(weights: Sequence[Mapping[str, Any]]) -> str:
    """The fields of a record that weigh in its answer: for it, then against it."""
    spoken = [
        (" and ".join(plain(one["field"]) for one in weights if (one["weight"] > 0) is favours), how)
        for favours, how in ((True, "for the prediction"), (False, "against it"))
    ]
    return "In the record: " + "; ".join(f"{how} {names}" for names, how in spoken if names) + "."


def learnt_from_fields(fields: Fields) -> str:
    """What the records' fields brought beside the texts."""
    more = len(fields.names) - _NAMED
    names = ", ".join(plain(name) for name in fields.names[:_NAMED]) + (
        f" and {count(more, 'more field')}" if more > 0 else ""
    )
    held_out = f"on decisions held out, {percent(fields.accuracy)} right with them and"
    without = f"{percent(fields.accuracy_without)} without"
    if fields.used:
        return f"It also learnt from {names}: {held_out} {without}."
    return f"It goes by the texts alone: {names} did not clearly help ({held_out} {without})."


def likeness(cosine: float) -> str:
    """How alike two texts are, by the cosine of their vectors."""
    return next((told for least, told in _LIKENESS if cosine >= least), "somewhat alike")


def duration(seconds: float) -> str:
    """A time as one would say it: `40 s`, `12 min`, `3.5 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:,.1f} h"
