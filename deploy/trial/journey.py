"""Runs in a container beside the API, as `python -`: a team's first day, by the client. Prints JSON.

WINNOW_API_URL and WINNOW_ADMIN_PASSWORD say where and as whom. With `names`, it ends after the answer by the names of
the categories, for which no worker is needed.
"""

import json
import os
import sys
import time
from itertools import product

from winnow import Client

BILLING = ("the invoice", "a refund", "my credit card", "the annual fee", "a double charge")
LOGIN = ("my password", "the sign-in page", "two-factor codes", "a locked account", "the reset link")
OPENINGS = (
    "Please look at",
    "I wrote last week about",
    "Nobody can explain",
    "My colleagues ask about",
    "Hello, it is about",
)
ENDINGS = ("since Monday.", "and it is urgent.", "on the mobile app.", "for our second office.")
DECISIONS = 40


def main() -> None:
    """Go through the day, and tell how long each part of it took."""
    told: dict[str, object] = {}
    began = time.monotonic()
    with Client(os.environ["WINNOW_API_URL"], username="admin", password=os.environ["WINNOW_ADMIN_PASSWORD"]) as client:
        expect("the role", client.me().role, "admin")
        categories = [
            {"name": "Billing", "description": "invoices, refunds, charges"},
            {"name": "Login", "description": "passwords and signing in"},
        ]
        slug = client.create_project("First day", categories=categories).slug
        check(client, slug, "names")
        told["seconds_names"] = round(time.monotonic() - began, 1)
        if sys.argv[1:] != ["names"]:
            told |= the_rest(client, slug)
    json.dump(told, sys.stdout)


def the_rest(client: Client, slug: str) -> dict[str, object]:
    """Import, decide, train, predict with what was learnt, take it all out again."""
    began = time.monotonic()
    truth = {
        f"{opening} {matter} {ending}": name
        for name, matters in (("Billing", BILLING), ("Login", LOGIN))
        for opening, matter, ending in product(OPENINGS, matters, ENDINGS)
    }
    rows = "text\n" + "".join(f'"{text}"\n' for text in truth)
    client.wait(client.import_file(slug, rows.encode(), filename="mails.csv").job_id, timeout=300)
    expect("items", client.stats(slug).items.total, len(truth))
    imported = time.monotonic()
    decided = 0
    while decided < DECISIONS:
        for task in client.lease(slug, 10):
            client.decide(slug, action="correct", task_id=task.task_id, categories=[truth[task.item.text]])
            decided += 1
    learning = time.monotonic()
    client.wait(client.train(slug).id, timeout=300)
    newest = client.versions(slug)[0].version
    if client.stats(slug).serving_model != newest:
        client.promote(slug, newest)
    check(client, slug, "version")
    learnt = time.monotonic()
    exported = sum(part.count(b"\n") for part in client.export(slug, "jsonl"))
    expect("rows of the export", exported, len(truth))
    return {
        "items": len(truth),
        "decisions": decided,
        "version": newest,
        "seconds_import": round(imported - began, 1),
        "seconds_decide": round(learning - imported, 1),
        "seconds_learn": round(learnt - learning, 1),
        "key": client.create_api_key("trial", "manager").secret,
    }


def check(client: Client, slug: str, by: str) -> None:
    """Ask, and compare."""
    answers = client.predict(slug, ["I want my money back for this invoice", "I forgot my password"]).predictions
    expect(f"answers by the {by}", [answer.category for answer in answers], ["Billing", "Login"])


def expect(what: str, found: object, wanted: object) -> None:
    """End where it is not so."""
    if found != wanted:
        sys.exit(f"{what}: {found} instead of {wanted}")


if __name__ == "__main__":
    main()
