"""Why the machine says what it says of an item: found out beside the work, so that nothing waits for it."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from winnow import Client, WinnowError
from winnow.schemas import Item

_EXCERPT = 180
_FEW = 3
_side = ThreadPoolExecutor(max_workers=4, thread_name_prefix="reasons")


def look(client: Client, slug: str, item_id: str) -> "Future[dict[str, Any]]":
    """Begins to look for the reasons of an item; see `of` for what comes of it."""
    return _side.submit(_found, client, slug, item_id)


def _found(client: Client, slug: str, item_id: str) -> dict[str, Any]:
    try:
        return of(client.item(slug, item_id))
    except WinnowError:  # reasons are a help: a card without them is still a card
        return {"item_id": item_id, "words": [], "neighbours": [], "failed": True}


def of(item: Item) -> dict[str, Any]:
    """The words that weigh and the nearest decided items, as the card takes them.

    JavaScript counts a text in UTF-16 units and the API in characters: places are given as JavaScript has them.
    """
    return {
        "item_id": item.id,
        "words": [
            {"start": _units(item.text, one["start"]), "end": _units(item.text, one["end"]), "weight": one["weight"]}
            for one in item.words
        ],
        "neighbours": [
            {"category": one["category"], "similarity": one["similarity"], "text": _short(one["text"])}
            for one in item.neighbours[:_FEW]
        ],
    }


def _units(text: str, place: int) -> int:
    return len(text[:place].encode("utf-16-le")) // 2


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
