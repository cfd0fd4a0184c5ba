"""The review desk: between the card in the browser and the API. Leases, sends decisions, says what became of them."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ui import reasons, sentences
from ui.inquiries import Inquiry
from winnow import ApiError, Client, ConnectionFailed, Unauthenticated
from winnow.schemas import DecisionResult, Task
from winnow.schemas_insight import Stats

_KEPT_OUTCOMES = 2_000
_SEVERAL = "multi"
_FRESH_SECONDS = 5.0
_GONE = frozenset({404, 409})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry of the card's list.

    Attributes:
        ok: whether the server has it.
        decision_id: the stored decision, where there is one.
        code: the stable name of the error, where it was refused.
        detail: the reason in a sentence.
    """

    ok: bool
    decision_id: str | None = None
    code: str = ""
    detail: str = ""


@dataclass
class Desk:
    """One project's desk in one tab.

    Attributes:
        slug: the project.
        outcomes: by nonce, oldest first; bounded.
        answered: id of the last request for tasks that was answered.
        batch: the tasks given to it, as the card takes them.
        held: ids of tasks leased here and not decided yet.
        released: ids of tasks given back when the page was left.
        categories: of the project, in its order, as they were last seen.
        several: whether an item of the project may have several categories.
        stats: where the project stood when it was last seen.
        seen_at: when that was, on the clock of this process.
        trouble: why answers are waiting, in a sentence; empty when they are not.
        why: the item whose reasons were asked for last; finding them takes the server a moment.
        guide: the category whose guideline was asked for last.
    """

    slug: str
    outcomes: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    answered: str | None = None
    batch: dict[str, Any] | None = None
    held: set[str] = field(default_factory=set)
    released: list[str] = field(default_factory=list)
    categories: list[dict[str, str | None]] = field(default_factory=list)
    several: bool = False
    stats: Stats | None = None
    seen_at: float = float("-inf")
    trouble: str = ""
    why: Inquiry = field(default_factory=Inquiry)
    guide: Inquiry = field(default_factory=Inquiry)

    def serve(self, client: Client, sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Does what the card's list asks for: stores, takes back, leases. Troubles are noted, not raised.

        Args:
            client: signed in.
            sent: what the browser sent: `entries`, oldest first, `want`, `why` and `guide`.

        Returns:
            The outcomes of those entries, for the card to strike them off its list.

        Raises:
            Unauthenticated: the sign-in has ended; the browser keeps what was not stored.
        """
        entries: Sequence[Mapping[str, Any]] = sent.get("entries") or []
        self.trouble = ""
        try:
            self._store(client, [entry for entry in entries if entry["nonce"] not in self.outcomes])
            self._lease(client, sent.get("want"))
            self._explain(client, sent.get("why"), sent.get("guide"))
            if time.monotonic() - self.seen_at > _FRESH_SECONDS:  # the page looks by itself: no answer waits for it
                self.look(client)
        except Unauthenticated:
            raise
        except (ConnectionFailed, ApiError) as error:
            self.trouble = sentences.trouble(error, repeats=True)
        return [self._told(entry["nonce"]) for entry in entries if entry["nonce"] in self.outcomes]

    def leave(self, client: Client) -> None:
        """Gives back the tasks that were not decided, so that others get them now and not when the lease ends."""
        held, self.held = sorted(self.held), set()
        if held:
            self.released.extend(held)
            client.release(self.slug, held)

    def look(self, client: Client) -> Stats:
        """Sees what the card shows around its tasks."""
        project = client.project(self.slug)
        self.several = project.task == _SEVERAL
        self.categories = [
            {"id": one.id, "name": one.name, "description": one.description, "shortcut": one.shortcut}
            for one in project.categories
            if not one.archived
        ]
        self.stats = client.stats(self.slug)
        self.seen_at = time.monotonic()
        return self.stats

    def _store(self, client: Client, entries: Sequence[Mapping[str, Any]]) -> None:
        """Sends entries in their order; neighbouring decisions go together."""
        waiting: list[Mapping[str, Any]] = []
        for entry in entries:
            if entry["action"] != "undo":
                waiting.append(entry)
                continue
            self._decide(client, waiting)
            waiting = []
            self._undo(client, entry)
        self._decide(client, waiting)

    def _decide(self, client: Client, entries: Sequence[Mapping[str, Any]]) -> None:
        if not entries:
            return
        results = client.decide_many(self.slug, [_decision(entry) for entry in entries])
        for entry, result in zip(entries, results, strict=True):
            self._remember(entry["nonce"], _outcome(result))
            self.held.discard(str(entry.get("task_id")))

    def _undo(self, client: Client, entry: Mapping[str, Any]) -> None:
        stored = self.outcomes.get(str(entry["of"]))
        decision_id = entry.get("decision_id") or (stored.decision_id if stored else None)
        if decision_id is None:  # it never reached the server, so there is nothing to take back
            self._remember(entry["nonce"], Outcome(ok=True))
            return
        try:
            client.undo(self.slug, decision_id)
        except ApiError as error:
            if error.status not in _GONE:
                raise
            self._remember(entry["nonce"], Outcome(ok=False, code=error.code, detail=str(error)))
        else:
            self._remember(entry["nonce"], Outcome(ok=True))

    def _lease(self, client: Client, want: Mapping[str, Any] | None) -> None:
        if not want or want["id"] == self.answered:
            return
        tasks = client.lease(self.slug, int(want["count"]))
        self.answered = want["id"]
        self.batch = {"id": want["id"], "tasks": [card_task(task) for task in tasks]}
        self.held.update(task.task_id for task in tasks)
        self.released = [task_id for task_id in self.released if task_id not in self.held]

    def _explain(self, client: Client, item_id: str | None, category_id: str | None) -> None:
        def why(one: str) -> dict[str, Any]:
            return reasons.of(client.item(self.slug, one))

        def guide(one: str) -> dict[str, Any]:
            return reasons.guide(client.guideline(self.slug, one))

        self.why.ask(item_id, why, {"item_id": item_id, "words": [], "neighbours": []})
        self.guide.ask(category_id, guide, {"category_id": category_id})

    def _remember(self, nonce: str, outcome: Outcome) -> None:
        self.outcomes[nonce] = outcome
        while len(self.outcomes) > _KEPT_OUTCOMES:
            self.outcomes.popitem(last=False)

    def _told(self, nonce: str) -> dict[str, Any]:
        outcome = self.outcomes[nonce]
        return {
            "nonce": nonce,
            "ok": outcome.ok,
            "decision_id": outcome.decision_id,
            "code": outcome.code,
            "detail": outcome.detail,
        }


def card_task(task: Task) -> dict[str, Any]:
    """A leased task as the card takes it; times become seconds left, since two clocks never agree."""
    blind = task.reason in {"audit", "second_look"}
    prediction = task.prediction
    sure = None if blind or prediction is None else prediction.confidence
    label, why = sentences.reason(task.reason, task.explanation, sure)
    return {
        "task_id": task.task_id,
        "item_id": task.item.id,
        "text": task.item.text,
        "fields": sentences.extra_fields(task.item.text, task.item.fields, task.item.external_id),
        "blind": blind,
        "prediction": None
        if blind or prediction is None
        else {
            "category": prediction.category,
            "categories": prediction.categories or [prediction.category],
            "confidence": prediction.confidence or 0.0,
            "top": [{"category": one.category, "confidence": one.confidence} for one in prediction.top],
            "model_version": prediction.model_version,
        },
        "label": label,
        "why": why,
        "seconds_left": max(0.0, (task.expires_at - datetime.now(UTC)).total_seconds()),
    }


def _decision(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as the API takes it: for its task, or for its item where the person insists after a lost lease."""
    target = "task_id" if entry.get("task_id") else "item_id"
    given = {
        target: entry[target],
        "action": entry["action"],
        "categories": list(entry.get("categories") or []),
        "seconds": entry.get("seconds"),
        "note": entry.get("note"),
        "idempotency_key": entry["nonce"],
        "although_leased": None if entry.get("task_id") else True,
    }
    return {name: value for name, value in given.items() if value is not None}


def _outcome(result: DecisionResult) -> Outcome:
    if result.status != "failed":
        return Outcome(ok=True, decision_id=result.id)
    error = result.error
    return Outcome(ok=False, code=error.code if error else "", detail=error.detail if error else "No reason was given.")
