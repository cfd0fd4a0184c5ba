"""Asking for categories, and saying what was right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from winnow.calls.data import item_body
from winnow.connection import Connection, new_key, v1
from winnow.parsing import told
from winnow.schemas import Decision, Feedback, Predictions
from winnow.schemas_outcomes import PredictionOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class AnswerCalls(Connection):
    """Calls of the programs that use what Winnow has learned."""

    def predict(
        self,
        slug: str,
        items: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]],
        *,
        top_k: int = 3,
        review: str = "never",
        model_version: int | None = None,
        explain: bool = False,
        priority: int | None = None,
        deadline: datetime | None = None,
    ) -> Predictions:
        """Categories for up to 1,000 items.

        Args:
            slug: the project.
            items: a text, an object with `text` or `fields` (and `id`), or several of them.
            top_k: how many categories to name for each.
            review: `never`, `uncertain` (queue for a person what may not be accepted) or `always`.
            model_version: ask this version instead of the serving one.
            explain: also name the words that weigh most.
            priority: with `review`, 0 to 9: the highest is asked first.
            deadline: with `review`, when a person's answer comes too late.

        Raises:
            Conflict: where the project has fewer than two categories.
        """
        several = [items] if isinstance(items, str | Mapping) else items
        body: dict[str, Any] = {
            "items": [item_body(item) for item in several],
            "top_k": top_k,
            "review": review,
        }
        if model_version is not None:
            body["model_version"] = model_version
        if explain:
            body["explain"] = True
        if priority is not None:
            body["priority"] = priority
        if deadline is not None:
            body["deadline"] = deadline.isoformat()
        # An answer alone may be asked for again; queueing may not happen twice, hence the key.
        key = None if review == "never" else new_key()
        response = self._read("POST", v1("projects", slug, "predict"), json=body, key=key, repeatable=key is None)
        return told(response, Predictions)

    def prediction(self, slug: str, prediction_id: str) -> PredictionOutcome:
        """What became of a prediction: whether people are asked, and its final category."""
        return self._get(v1("projects", slug, "predictions", prediction_id), PredictionOutcome)

    def decision(self, slug: str, decision_id: str) -> Decision:
        """One decision, with `learnt_by`: the first version that learnt from it, None while none has."""
        return self._get(v1("projects", slug, "decisions", decision_id), Decision)

    def feedback(
        self,
        slug: str,
        *,
        category: str,
        prediction_id: str | None = None,
        item_id: str | None = None,
        external_id: str | None = None,
        text: str | None = None,
        note: str | None = None,
    ) -> Feedback:
        """Says what was right, about a prediction, an item or a text; it becomes a decision."""
        given = {
            "prediction_id": prediction_id,
            "item_id": item_id,
            "external_id": external_id,
            "text": text,
            "category": category,
            "note": note,
        }
        body = {field: value for field, value in given.items() if value is not None}
        return self._post(v1("projects", slug, "feedback"), Feedback, body, key=new_key())
