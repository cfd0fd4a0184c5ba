"""Many at once: between the groups in the browser and the API. Every item becomes a decision of its own."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ui import sentences
from winnow import ApiError, Client, ConnectionFailed, Unauthenticated
from winnow.schemas_groups import Group

_KEPT_OUTCOMES = 500
_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry of the browser's list.

    Attributes:
        ok: whether all of it was done.
        stored: ids of the decisions that are stored now.
        refused: how many items were not taken.
        detail: why, for the first of them.
    """

    ok: bool
    stored: tuple[str, ...] = ()
    refused: int = 0
    detail: str = ""


@dataclass
class Table:
    """One choice of groups in one tab.

    Attributes:
        slug: the project.
        category: only groups of this answer.
        min_confidence: only items answered at least as surely.
        chosen: ids of the items to group, where somebody chose them.
        outcomes: by nonce, oldest first; bounded.
        batch: the groups that were asked for last.
        trouble: why answers are waiting, in a sentence; empty when they are not.
    """

    slug: str
    category: str | None = None
    min_confidence: float = 0.0
    chosen: tuple[str, ...] = ()
    outcomes: OrderedDict[str, Outcome] = field(default_factory=OrderedDict)
    batch: dict[str, Any] | None = None
    trouble: str = ""

    def serve(self, client: Client, sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Does what the browser's list asks for. Troubles are noted, not raised.

        Args:
            client: signed in.
            sent: what the browser sent: `entries`, oldest first, and `want`.

        Returns:
            The outcomes of those entries.

        Raises:
            Unauthenticated: the sign-in has ended; the browser keeps what was not stored.
        """
        entries: Sequence[Mapping[str, Any]] = sent.get("entries") or []
        self.trouble = ""
        try:
            for entry in entries:
                if entry["nonce"] not in self.outcomes:
                    done = self._undo(client, entry) if entry["action"] == "undo" else self._accept(client, entry)
                    self._remember(entry["nonce"], done)
            self._find(client, sent.get("want"))
        except Unauthenticated:
            raise
        except (ConnectionFailed, ApiError) as error:
            self.trouble = sentences.trouble(error, repeats=True)
        return [
            _told(entry["nonce"], self.outcomes[entry["nonce"]]) for entry in entries if entry["nonce"] in self.outcomes
        ]

    def _accept(self, client: Client, entry: Mapping[str, Any]) -> Outcome:
        results = client.decide_many(self.slug, [_decision(entry, item) for item in entry["items"]])
        refused = [one for one in results if one.status == "failed"]
        why = next((one.error.detail for one in refused if one.error), "")
        stored = tuple(one.id for one in results if one.id is not None)
        return Outcome(ok=not refused, stored=stored, refused=len(refused), detail=why)

    def _undo(self, client: Client, entry: Mapping[str, Any]) -> Outcome:
        known = self.outcomes.get(str(entry["of"]))
        ids = entry.get("decision_ids") or (known.stored if known else ())
        if not ids:  # it never reached the server, so there is nothing to take back
            return Outcome(ok=True)
        failed = [one for one in client.undo_many(self.slug, list(ids)) if one.status == "failed"]
        why = next((one.error.detail for one in failed if one.error), "")
        return Outcome(ok=not failed, refused=len(failed), detail=why)

    def _find(self, client: Client, want: str | None) -> None:
        if not want or (self.batch and self.batch["id"] == want):
            return
        if self.chosen:
            found = client.group_items(self.slug, self.chosen)
        else:
            found = client.groups(
                self.slug, category=self.category, min_confidence=self.min_confidence or None, limit=_GROUPS
            )
        self.batch = {"id": want, "piles": [_pile(one, chosen=bool(self.chosen)) for one in found]}

    def _remember(self, nonce: str, outcome: Outcome) -> None:
        self.outcomes[nonce] = outcome
        while len(self.outcomes) > _KEPT_OUTCOMES:
            self.outcomes.popitem(last=False)


def _decision(entry: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """One item of a group as the API takes it, with the suggestion that was in view."""
    return {
        "item_id": item["item_id"],
        "action": "correct" if entry.get("correct") else "accept",
        "categories": list(entry["categories"]),
        "seconds": round(float(entry.get("seconds") or 0.0), 1),
        "shown": {**entry["shown"], "confidence": item["confidence"]},
        "if_undecided": True,
        "idempotency_key": f"{entry['nonce']}-{item['item_id']}",
    }


def _pile(one: Group, *, chosen: bool) -> dict[str, Any]:
    return {
        "category": one.category,
        "categories": one.categories,
        "model_version": one.model_version,
        "chosen": chosen,
        "items": [
            {"item_id": item.item_id, "excerpt": item.excerpt, "confidence": item.confidence} for item in one.items
        ],
    }


def _told(nonce: str, outcome: Outcome) -> dict[str, Any]:
    return {
        "nonce": nonce,
        "ok": outcome.ok,
        "stored": list(outcome.stored),
        "refused": outcome.refused,
        "detail": outcome.detail,
    }
