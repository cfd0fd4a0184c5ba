"""The Python client's calls about findings, against the real application."""

import pytest

from tests.api.conftest import Winnow
from tests.api.test_findings import filled
from winnow import Client, InvalidRequest


def test_findings(winnow: Winnow) -> None:
    client = Client(api_key=next(iter(winnow.as_("manager").values())), http=winnow.http)
    slug = filled(winnow, "What Winnow found")

    wrong = next(client.label_errors(slug))
    assert (wrong.external_id, wrong.category, wrong.suggested) == ("t8", "Login", "Billing")
    assert wrong.decided_at is not None

    agreed = client.agreement(slug)
    assert agreed.between.alpha is None
    assert agreed.reviewers == []

    shift = client.drift(slug, days=30)
    assert shift.model_version == 1
    assert not shift.shifted
    assert shift.advice

    assert client.novelty(slug, limit=3).items == []
    like = [one.id for one in client.items(slug, q="invoice")][:3]
    made = client.make_category(slug, "Invoices", like, description="bills", ask=5)
    assert (made.category.name, made.category.description, made.asked) == ("Invoices", "bills", 0)  # all are decided
    with pytest.raises(InvalidRequest, match="not in this project"):
        client.make_category(slug, "Ghosts", ["999999"])
    assert "too early" in client.forecast(slug).advice
    assert client.automation(slug).suspended is False
    assert client.stats(slug).automation.suspended is False
