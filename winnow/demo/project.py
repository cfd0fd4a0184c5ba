"""Making the demo project."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from winnow.demo.articles import CATEGORIES, NAME, SLUG, load
from winnow.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from winnow.client import Client

_LOOK_SECONDS = 0.5
_SAY_EVERY = 0.25


def bring_in(client: Client, say: Callable[[str], None]) -> None:
    """Makes the project and imports the articles without their labels; what is there already stays.

    Args:
        client: a client with the role manager.
        say: told in a sentence how far things are.

    Raises:
        NoArticlesError: where the articles are not installed.
    """
    articles = load()
    try:
        client.project(SLUG)
    except NotFound:
        categories = [{"name": name, "description": text} for name, text in CATEGORIES.values()]
        try:
            client.create_project(NAME, text_fields=["headline", "paragraph"], categories=categories)
        except Conflict:
            say("Somebody else is making the demo project.")
    if client.stats(SLUG).items.total == 0:
        lines = (
            json.dumps({"id": article.id, "headline": article.headline, "paragraph": article.paragraph})
            for article in articles
        )
        content = "\n".join(lines).encode()
        started = client.import_file(SLUG, content, filename="bbc-news.jsonl", id_field="id")
        say(f"The demo project {NAME}: importing {len(articles):,} articles …")
        client.wait(started.job_id)
    _wait_for_vectors(client, say)


def _wait_for_vectors(client: Client, say: Callable[[str], None]) -> None:
    """Waits until every article has its vector and the first cards can be asked."""
    told = 0.0
    while True:
        stats = client.stats(SLUG)
        total, ready = stats.items.total, stats.items.embedded
        if ready >= total and stats.queue.open + stats.queue.leased + stats.items.decided > 0:
            say(f"The demo project {NAME} is ready: {total:,} articles with predictions, and cards to review.")
            return
        if total and ready / total >= told + _SAY_EVERY:
            told = ready / total
            say(f"The demo project {NAME}: {ready:,} of {total:,} articles understood …")
        time.sleep(_LOOK_SECONDS)
