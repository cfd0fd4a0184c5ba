import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learn.text import FINGERPRINT_BYTES, LONGEST_WORD, compose, encodable, fingerprint, marks, normalise, words


@given(st.text())
def test_normalising_twice_changes_nothing(text: str):
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(), st.sampled_from([" ", "\t", "\n", "\u00a0", "  "]))
def test_white_space_around_a_text_does_not_count(text: str, space: str):
    assert fingerprint(space + text + space) == fingerprint(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("\uff26\uff55\uff4c\uff4c\u3000width", "full width"),
        ("caf\u00e9", "cafe\u0301"),
        ("two\r\nlines", "two lines"),
        ("ﬁnal", "Final"),
    ],
)
def test_texts_that_read_the_same_are_the_same(one: str, other: str):
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(("one", "other"), [("cafe", "café"), ("not paid", "paid"), ("a b", "ab"), ("1", "2")])
def test_texts_that_read_differently_differ(one: str, other: str):
    assert fingerprint(one) != fingerprint(other)


def test_a_fingerprint_is_stable_and_short():
    assert fingerprint("Hello  World") == bytes.fromhex("e9a804b2e527fd3601d2ffc0bb023cd6")
    assert len(fingerprint("")) == FINGERPRINT_BYTES


def test_a_lone_surrogate_has_a_fingerprint_and_can_be_encoded():
    assert fingerprint("\ud800") != fingerprint("")
    assert encodable("a\ud800b", 10).encode() == "a\ufffdb".encode()


@given(st.text(st.characters(max_codepoint=300), max_size=200))
def test_words_are_runs_of_letters_and_digits_each_once(text: str):
    found = words(text)
    assert set(found) == {run[:LONGEST_WORD] for run in re.findall(r"[^\W_]+", normalise(text))}
    assert len(set(found)) == len(found)
    assert marks(text) == (fingerprint(text), " ".join(found))


def test_long_words_are_cut_and_words_of_plain_and_other_texts_are_the_same():
    long = "a" * 70
    assert words(f"{long}b B_b c3 {long}c") == ["a" * LONGEST_WORD, "b", "c3"]
    assert words(f"{long}b B_b c3 {long}c é") == ["a" * LONGEST_WORD, "b", "c3", "é"]


def test_encodable_keeps_characters_beyond_the_basic_plane():
    assert encodable("🙂🙂🙂", 2) == "🙂🙂"


@pytest.mark.parametrize(
    ("name", "description", "words"),
    [
        ("card_arrival", "", "card arrival"),
        ("travel/book_flight", "", "travel book flight"),
        ("BookRestaurant", "", "Book Restaurant"),
        ("HTTPErrors", "", "HTTP Errors"),
        ("iPhone repair", "", "iPhone repair"),
        ("ham", "", "ham"),
        ("Billing", "invoices,\n charges ", "Billing: invoices, charges"),
        ("Billing", "   ", "Billing"),
    ],
)
def test_a_category_is_put_into_words(name: str, description: str, words: str):
    assert compose(name, description) == words
