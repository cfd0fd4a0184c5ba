"""Rows that every product gets alike: short texts about a few topics, the topic being the label."""

from dataclasses import dataclass

from benchmarks.scale import Topics

TOPICS = 10


@dataclass(frozen=True)
class Rows:
    """Texts, no two alike, with their labels.

    Attributes:
        texts: about a dozen words each; the last one is the row's number.
        labels: one for each text.
        names: all labels there are.
    """

    texts: list[str]
    labels: list[str]
    names: list[str]

    def label(self, text: str) -> str:
        """What a person says who is shown this text."""
        return self.labels[int(text.rsplit(maxsplit=1)[-1])]


def made(count: int, seed: int) -> Rows:
    """So many rows in ten categories."""
    topics = Topics(seed)
    drawn = [topics.rng.randrange(TOPICS) for _ in range(count)]
    texts = [f"{topics.text(topic)} {number}" for number, topic in enumerate(drawn)]
    return Rows(texts, [topics.names[topic] for topic in drawn], topics.names[:TOPICS])


def words(seed: int) -> list[str]:
    """All words that these rows may have, their numbers apart."""
    topics = Topics(seed)
    return [*topics.common, *(word for own in topics.own for word in own)]


def narrowed(rows: Rows) -> Rows:
    """The same texts in two categories: one takes in the first three topics, the other the rest."""
    wanted = frozenset(rows.names[:3])
    names = [rows.names[0], "Other"]
    return Rows(rows.texts, [names[label not in wanted] for label in rows.labels], names)
