"""The page that describes the API: it works where nothing else can be reached, and sends nobody anywhere."""

import re
from urllib.parse import urljoin, urlsplit

import pytest

from tests.api.conftest import Winnow

HERE = "http://testserver/docs"
LOADED = re.compile(r'(?:src|href)="([^"]*)"')


def test_all_that_the_page_loads_comes_from_the_same_process(winnow: Winnow) -> None:
    page = winnow.http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"https?:|//", page.text), "a foreign host"
    loaded = [address for address in LOADED.findall(page.text) if not address.startswith("data:")]
    assert len(loaded) == 3
    for address in loaded:
        wanted = urljoin(HERE, address)
        assert urlsplit(wanted).netloc == "testserver"
        found = winnow.http.get(urlsplit(wanted).path)
        assert found.status_code == 200
        assert found.headers["content-type"].partition(";")[0] in {"text/javascript", "text/css"}
        assert len(found.content) > 100
    start = winnow.http.get("/docs/start.js").text
    assert not re.search(r"https?:|//", start)
    assert 'url: "openapi.json"' in start
    assert winnow.http.get("/openapi.json").status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"])
def test_nothing_runs_on_it_but_its_own_files(winnow: Winnow, path: str) -> None:
    answer = winnow.http.get(path)
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("img-src") == "'self' data:"
    assert set(rules.values()) == {"'self'", "'none'"}
    assert "<script>" not in answer.text or path != "/docs"
    assert winnow.http.head(path).status_code == 200


def test_only_what_is_large_and_never_changes_is_kept_by_browsers(winnow: Winnow) -> None:
    assert winnow.http.get("/docs/swagger-ui-bundle.js").headers["cache-control"] == "max-age=3600"
    assert winnow.http.get("/docs").headers["cache-control"] == "no-store"


def test_there_is_nothing_else_below_it(winnow: Winnow) -> None:
    for path in ("/docs/", "/docs/redoc.standalone.js", "/docs/oauth2-redirect", "/docs/../pyproject.toml", "/redoc"):
        assert winnow.http.get(path, follow_redirects=False).status_code in {404, 307, 308}
