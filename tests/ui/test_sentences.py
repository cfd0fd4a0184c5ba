"""The words for what the API says: each state of a project has its sentence."""

import pytest

from ui import sentences
from ui.views.load import named_in
from winnow import ConnectionFailed
from winnow.schemas_insight import Fields, HonestAccuracy, Stats


def stats(**parts: object) -> Stats:
    return Stats.model_validate(parts)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"training": {"running": True}}, ("busy", "Version 1 is in training.")),
        (
            {"training": {"running": True}, "latest_model": {"version": 2, "status": "serving"}},
            ("busy", "Version 3 is in training."),
        ),
        ({"latest_model": {"version": 2, "status": "training"}}, ("busy", "Version 2 is in training.")),
        (
            {"latest_model": {"version": 1, "status": "serving", "summary": "Login gained most."}},
            ("done", "Version 1 serves: Login gained most."),
        ),
        ({"latest_model": {"version": 1, "status": "serving"}}, ("done", "Version 1 serves.")),
        ({"latest_model": {"version": 4, "status": "failed"}}, ("failed", "Version 4 could not be trained.")),
        ({"latest_model": {"version": 4, "status": "candidate"}}, ("done", "Version 4 is a candidate.")),
    ],
)
def test_the_banner_follows_the_versions(given: dict[str, object], expected: tuple[str, str] | None) -> None:
    assert sentences.training(stats(**given)) == expected


def test_waiting_counts_down_and_then_says_what_is_missing() -> None:
    left = {"serving_model": 3, "training": {"decisions_since_last": 19, "retrain_every": 20}}
    assert sentences.waiting(stats(**left)) == "Version 3 answers. The next version trains after 1 more decision."
    due = {"training": {"decisions_since_last": 25, "retrain_every": 20}}
    assert sentences.waiting(stats(**due)).startswith("Answers come from the categories' names")
    assert "due" in sentences.waiting(stats(**due))


def test_a_training_that_made_no_version_says_why() -> None:
    held_up = {
        "retrain_every": 20,
        "held_up_by": "decisions in at least 2 categories are needed (blind audits do not count)",
    }
    said = sentences.waiting(stats(training=held_up))
    assert "The last training made no version: decisions in at least 2 categories are needed" in said
    assert said.endswith("(blind checks do not count).")


def test_accuracy_is_never_one_figure_from_a_few_checks() -> None:
    assert "Not measured yet" in sentences.band(None)
    few = HonestAccuracy(accuracy=0.0, low=0.0, high=0.84, audited=2)
    assert sentences.band(few) == "Somewhere between 0 % and 84 %: 2 blind checks so far, too few for one figure."
    many = HonestAccuracy(accuracy=0.91, low=0.842, high=0.957, audited=112)
    assert sentences.band(many) == "Between 84 % and 96 % with 95 % certainty, from 112 blind checks."


def test_blind_checks_without_an_answer_are_told_with_what_they_could_mean() -> None:
    figures = {"accuracy": 0.91, "low": 0.842, "high": 0.957, "audited": 112}
    assert sentences.unanswered(HonestAccuracy(**figures)) is None
    waits = {"unanswered": {"waiting": 9}, "at_worst": {"accuracy": 0.91, "low": 0.842}}
    assert sentences.unanswered(HonestAccuracy(**figures, **waits)) is None
    beside = {"waiting": 4, "left": 1, "skipped": 5, "flagged": 2}
    many = HonestAccuracy(**figures, unanswered=beside, at_worst={"accuracy": 0.85, "low": 0.776})
    assert sentences.unanswered(many) == (
        "8 more blind checks got no answer (5 skipped, 2 flagged, 1 left). "
        "Were the machine wrong on all of them, it would be 85 %, at least 78 %."
    )
    few = HonestAccuracy(
        accuracy=1.0, low=0.3, high=1.0, audited=3, unanswered={"disputed": 1}, at_worst={"accuracy": 0.75, "low": 0.19}
    )
    assert sentences.unanswered(few) == (
        "1 more blind check got no answer (1 in dispute). Were the machine wrong on it, it would be at least 19 %."
    )


def test_what_came_in_since_the_blind_checks_is_told_where_it_is_much() -> None:
    assert sentences.newcomers(HonestAccuracy(accuracy=0.9, low=0.8, high=0.95, audited=90, newer_items=0.09)) is None
    said = sentences.newcomers(HonestAccuracy(accuracy=0.9, low=0.8, high=0.95, audited=90, newer_items=0.31))
    assert said == "31 % of the items came in since: the figure does not speak of them yet."


def test_automation_promises_nothing_that_is_not_proven() -> None:
    unproven = stats(automation={"target_accuracy": 0.95, "audits": 2, "audits_needed": 40})
    assert "Nothing is accepted unseen yet" in sentences.automation(unproven)
    assert "About 40 more blind checks may settle it, beyond the 2" in sentences.automation(unproven)
    first = stats(automation={"target_accuracy": 0.95, "audits": 0, "audits_needed": 63})
    assert sentences.automation(first).endswith("About 63 blind checks may settle it.")
    against = stats(automation={"target_accuracy": 0.95, "audits": 37, "audits_needed": None})
    assert "answers to 37 blind checks speak against it" in sentences.automation(against)
    proven = stats(automation={"target_accuracy": 0.95, "threshold": 0.82, "share": 0.4})
    assert "82 % or more need no person" in sentences.automation(proven)


def test_suspended_automation_says_how_it_was_contradicted() -> None:
    why = "of 40 audited answers that version 3 would have accepted, 30 were right; 0.95 of them were promised"
    said = sentences.automation(stats(automation={"target_accuracy": 0.95, "suspended": True, "reason": why}))
    assert said == f"Suspended, so people answer everything: {why.replace('audited', 'blindly checked')}."


def test_a_blind_card_never_repeats_the_servers_hint() -> None:
    assert "Billing" not in " ".join(sentences.reason("audit", "asked because Billing is near"))
    assert sentences.reason("uncertain", "asked because Billing is near")[1] == "Asked because Billing is near."
    assert sentences.reason("uncertain", "")[1].endswith(".")
    assert sentences.reason("uncertain", None, 0.54)[0] == "Hard to tell"
    assert sentences.reason("uncertain", None, 0.88)[0] == "Less sure than most"
    assert sentences.reason("something_new", None) == ("Something new", "")


def test_fields_that_the_text_shows_already_are_left_out() -> None:
    fields = {"headline": "Shares fall", "id": "42", "page": 3, "empty": "", "none": None, "body": "Oil climbs."}
    assert sentences.extra_fields("Shares fall\nOil climbs.", fields, "42") == {"page": 3}


@pytest.mark.parametrize(
    ("parts", "title"),
    [
        ({}, "No items yet"),
        ({"items": {"total": 5, "embedded": 2}}, "Getting to know the items"),
        ({"items": {"total": 5, "embedded": 2, "quick": True}}, "Nothing to review right now"),
        ({"items": {"total": 5, "embedded": 5, "decided": 5}}, "Every item is decided"),
        ({"items": {"total": 5, "embedded": 5}, "queue": {"leased": 2}}, "All open cards are in other hands"),
        ({"items": {"total": 5, "embedded": 5}}, "Nothing to review right now"),
    ],
)
def test_an_empty_desk_says_why(parts: dict[str, object], title: str) -> None:
    assert sentences.rest(stats(**parts))["title"] == title


def test_times_and_likeness_are_said_as_one_would() -> None:
    assert [sentences.duration(seconds) for seconds in (0, 59, 90, 3600, 9000)] == [
        "0 s",
        "59 s",
        "2 min",
        "1.0 h",
        "2.5 h",
    ]
    told = [sentences.likeness(cosine) for cosine in (0.95, 0.7, 0.5, 0.1)]
    assert told == ["nearly the same", "very much alike", "alike", "somewhat alike"]


def test_what_fields_brought_is_said_in_a_sentence() -> None:
    found = Fields(used=True, names=["price", "brand"], accuracy=0.91, accuracy_without=0.8)
    told = sentences.learnt_from_fields(found)
    assert told == "It also learnt from price, brand: on decisions held out, 91 % right with them and 80 % without."
    useless = Fields(used=False, names=[f"f{at}" for at in range(9)], accuracy=0.8, accuracy_without=0.8)
    assert "f5 and 3 more fields did not clearly help" in sentences.learnt_from_fields(useless)


def test_fields_that_weigh_are_named_on_their_side() -> None:
    weights = [{"field": "price", "weight": 2.0}, {"field": "brand", "weight": -1.0}, {"field": "size", "weight": 0.5}]
    assert sentences.fields_that_weigh(weights) == "In the record: for the prediction price and size; against it brand."
    assert sentences.fields_that_weigh(weights[1:2]) == "In the record: against it brand."


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({"total": 300_000, "embedded": 36_000}, "Reading items: 36,000 of 300,000"),
        ({"total": 300_000, "embedded": 36_000, "quick": True}, "Quick vectors: the full ones follow, 12% so far"),
    ],
)
def test_how_far_items_have_been_read_says_with_which_vectors(items: dict[str, object], said: str) -> None:
    assert sentences.reading(stats(items=items).items) == said


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("Billing and refunds, 2.5 % (old)", "Billing and refunds, 2.5 % (old)"),
        ("**bold** _it_ `code` $x$", r"\*\*bold\*\* \_it\_ \`code\` \$x\$"),
        ("![seen](http://a.example/x_y.png)", r"\!\[seen\](http://a.example/x_y.png)"),
        ("# Title\n- one\n2. two\n    code", "\\# Title\n\\- one\n2\\. two\ncode"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        (":smile: :material/home: a:b", ":\u2060smile: :\u2060material/home: a:b"),
        ("\u05e9\u05dc", "\u2068\u05e9\u05dc\u2069"),
    ],
)
def test_what_somebody_wrote_is_shown_letter_by_letter(written: str, safe: str) -> None:
    assert sentences.plain(written) == safe


@pytest.mark.parametrize(
    ("cell", "several", "names"),
    [
        ("Billing|Login", True, ["Billing", "Login"]), ("Billing|Login", False, ["Billing|Login"]),
        (["Billing", "Login"], True, ["Billing", "Login"]), ('["Billing", "Login"]', True, [""]), (None, False, [""]),
        (7, False, ["7"]),
    ],
)  # fmt: skip
def test_the_labels_of_a_preview_are_taken_apart_as_the_import_does(
    cell: object, *, several: bool, names: list[str]
) -> None:
    assert named_in(cell, several=several) == names


def test_only_what_is_tried_again_by_itself_says_so() -> None:
    away = ConnectionFailed("refused")
    assert sentences.trouble(away, repeats=True) == "The server does not answer; this page tries again by itself."
    assert sentences.trouble(away) == "The server does not answer. Try again soon."
