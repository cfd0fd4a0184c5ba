"""What the card shows on demand: why the machine says what it says of an item, and what belongs into a category."""

from typing import Any

from ui.components.listing import short
from winnow.schemas import Item
from winnow.schemas_categories import Guideline, GuidelineExample

_EXCERPT = 180
_FEW = 3


def of(item: Item) -> dict[str, Any]:
    """The words and fields that weigh and the nearest decided items, as the card takes them.

    JavaScript counts a text in UTF-16 units and the API in characters: places are given as JavaScript has them.
    """
    return {
        "item_id": item.id,
        "words": [
            {"start": _units(item.text, one["start"]), "end": _units(item.text, one["end"]), "weight": one["weight"]}
            for one in item.words
        ],
        "fields": [{"name": one["field"], "weight": one["weight"]} for one in item.field_weights],
        "neighbours": [
            {"category": one["category"], "similarity": one["similarity"], "text": short(one["text"], _EXCERPT)}
            for one in item.neighbours[:_FEW]
        ],
    }


def guide(found: Guideline) -> dict[str, Any]:
    """The guideline of a category, as the card takes it."""
    return {
        "category_id": found.category.id,
        "typical": [_example(one) for one in found.typical[:_FEW]],
        "near_misses": [_example(one) for one in found.near_misses[:_FEW]],
        "questions": [
            {
                "item_id": one.item_id,
                "kind": one.kind,
                "who": one.who,
                "text": short(one.text, _EXCERPT),
                "note": one.note,
            }
            for one in found.questions[:_FEW]
        ],
    }


def _example(one: GuidelineExample) -> dict[str, Any]:
    return {
        "item_id": one.item_id,
        "text": short(one.text, _EXCERPT),
        "categories": one.categories,
        "note": one.note,
    }


def _units(text: str, place: int) -> int:
    return len(text[:place].encode("utf-16-le")) // 2
