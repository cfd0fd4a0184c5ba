"""The demo's articles; the project and the played reviewer are tried on a real server in tests/e2e."""

from collections import Counter

from winnow.demo.articles import load


def test_all_articles_are_there_each_with_a_headline_and_an_id():
    articles = load()

    assert len(articles) == 2225
    assert len({article.id for article in articles}) == 2225
    assert all(article.headline and article.paragraph for article in articles)
    counted = Counter(article.category for article in articles)
    assert counted == {"Business": 510, "Entertainment": 386, "Politics": 417, "Sport": 511, "Technology": 401}


def test_the_order_mixes_the_categories():
    assert len({article.category for article in load()[:20]}) >= 4
