"""What reviewers do: lease, decide, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from winnow.connection import Connection, new_key, v1
from winnow.schemas import Decision, DecisionResult, Schema, Task, Undone
from winnow.schemas_review import Dispute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime


class DecisionFilters(TypedDict, total=False):
    """Which decisions."""

    reviewer: str | None
    category: str | None
    source: str | None
    reason: str | None
    since: datetime | None
    until: datetime | None
    limit: int | None


class _Leased(Schema):
    tasks: list[Task]


class _Decided(Schema):
    decisions: list[DecisionResult]


class _Undone(Schema):
    decisions: list[Undone]


class ReviewCalls(Connection):
    """Calls of the review page."""

    def lease(self, slug: str, count: int = 10) -> list[Task]:
        """Takes up to `count` (1 to 50) tasks; nobody else gets them until the lease ends."""
        path = v1("projects", slug, "queue", "lease")
        return self._post(path, _Leased, {"count": count}, key=new_key()).tasks

    def release(self, slug: str, task_ids: Sequence[str]) -> None:
        """Gives tasks back."""
        self._read("POST", v1("projects", slug, "queue", "release"), json={"task_ids": list(task_ids)})

    def decide(
        self,
        slug: str,
        *,
        action: str,
        task_id: str | None = None,
        item_id: str | None = None,
        categories: Sequence[str] = (),
        note: str | None = None,
        seconds: float | None = None,
        idempotency_key: str | None = None,
    ) -> Decision:
        """Decides a task, or an item outside the queue.

        Args:
            slug: the project.
            action: `accept`, `correct`, `skip` or `flag`.
            task_id: the task; or `item_id`.
            item_id: the item; or `task_id`.
            categories: names of the right categories, with `correct`.
            note: a remark.
            seconds: how long the person looked.
            idempotency_key: the same key again gives the first answer again.

        Raises:
            Conflict: where the lease ended and somebody else has the task, or it is decided already.
        """
        given = {
            "task_id": task_id,
            "item_id": item_id,
            "action": action,
            "categories": list(categories) or None,
            "note": note,
            "seconds": seconds,
        }
        body = {field: value for field, value in given.items() if value is not None}
        key = idempotency_key or new_key()
        return self._post(v1("projects", slug, "decisions"), Decision, body, key=key)

    def decide_many(self, slug: str, decisions: Sequence[Mapping[str, Any]]) -> list[DecisionResult]:
        """Sends up to 500 decisions at once; a bad one does not lose the others.

        Args:
            slug: the project.
            decisions: objects with the arguments of `decide`; an `idempotency_key` each makes it safe to
                send the same list again. For an `item_id`, `shown` (`category`, `confidence`, `model_version`)
                says which suggestion was in view, `if_undecided` refuses what was settled meanwhile, and
                `although_leased` stores it also where somebody else has the item's card.

        Returns:
            What became of each, in the same order.
        """
        body = {"decisions": [dict(decision) for decision in decisions]}
        return self._post(v1("projects", slug, "decisions"), _Decided, body, key=new_key()).decisions

    def disputes(self, slug: str) -> Iterator[Dispute]:
        """Items that people answered differently, newest first, with every answer."""
        return self._pages(v1("projects", slug, "disputes"), Dispute)

    def flagged(self, slug: str) -> Iterator[Dispute]:
        """Flagged items, newest first, with the notes of those who flagged them."""
        return self._pages(v1("projects", slug, "flagged"), Dispute)

    def settle(self, slug: str, item_id: str, categories: Sequence[str], *, note: str | None = None) -> Decision:
        """Settles a disputed or flagged item: a decision that stands above the answers before it.

        Raises:
            Conflict: where there is nothing to settle any more.
        """
        body: dict[str, Any] = {"categories": list(categories)}
        if note is not None:
            body["note"] = note
        return self._post(v1("projects", slug, "disputes", item_id), Decision, body, key=new_key())

    def undo(self, slug: str, decision_id: str) -> None:
        """Takes a decision back; the item goes to where it was, the history keeps both."""
        self._delete(v1("projects", slug, "decisions", decision_id))

    def undo_many(self, slug: str, decision_ids: Sequence[str]) -> list[Undone]:
        """Takes up to 500 decisions back, each by itself."""
        body = {"decision_ids": list(decision_ids)}
        return self._post(v1("projects", slug, "decisions", "undo"), _Undone, body).decisions

    def decisions(self, slug: str, **filters: Unpack[DecisionFilters]) -> Iterator[Decision]:
        """Decisions, newest first, fetched page by page."""
        params: dict[str, Any] = dict(filters)
        for bound in ("since", "until"):
            if params.get(bound) is not None:
                params[bound] = params[bound].isoformat()
        return self._pages(v1("projects", slug, "decisions"), Decision, **params)
