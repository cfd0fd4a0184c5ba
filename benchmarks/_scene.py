"""What the drill is played on: the system, and the projects in it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._stack import Stack, settle
from benchmarks.scale import Topics
from models.store.session import Database
from winnow import Client
from winnow.schemas import Task

TRAFFIC, STARVED, WRONG, SHIFTED = "traffic", "starved", "wrong", "shifted"
FEW, SUPPLY = 300, 9_000
"""Items of a project; and of the one whose reviewer skips a question each second, so that they last for two hours."""
DECIDED = {TRAFFIC: 40, STARVED: 40, WRONG: 100, SHIFTED: 40}
"""Right answers that each project's version rests on. A hundred bring enough audits for it to automate."""
_CATEGORIES = 5
_CLEAR_WORDS = 8


@dataclass
class Scene:
    """All that is there to be broken.

    Attributes:
        database: our own way to it, which stays open while the API's is cut.
        socket: where PostgreSQL is reached.
        stalls: a folder; a file there with the name of a process makes its encoder slow, by so many seconds.
        lacking: rules that cannot be provoked here, and why.
        truths: the category of each item, by its text.
    """

    stack: Stack
    client: Client
    database: Database
    socket: Path
    stalls: Path
    topics: Topics
    lacking: dict[str, str] = field(default_factory=dict)
    truths: dict[str, str] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def furnish(self, supply: int = SUPPLY) -> None:
        """Projects with a version that serves: for the traffic, without work, to be misled, and to be changed."""
        for slug, count in DECIDED.items():
            settings = {"retrain_every": 100_000, "audit_rate": 0.5, "target_accuracy": 0.9}
            self.client.create_project(slug, categories=self.topics.names[:_CATEGORIES], settings=settings)
            for block in range(supply // FEW if slug == TRAFFIC else 2):
                texts = [self._item(f"{block}-{number}", clear=slug == WRONG) for number in range(FEW)]
                self.client.add_items(slug, texts)
            settle(self.client, slug)
            self.decide(slug, count, self.right)
            self.learn(slug)

    def text(self) -> str:
        """A text about one of the categories."""
        return self.topics.text(self.topics.rng.randrange(_CATEGORIES))

    def right(self, task: Task) -> str:
        """The category of a question's item."""
        return self.truths[task.item.text]

    def wrong(self, task: Task) -> str:
        """Another category than that of its item."""
        names = self.topics.names[:_CATEGORIES]
        return names[(names.index(self.right(task)) + 1) % len(names)]

    def decide(self, slug: str, count: int, answer: Callable[[Task], str]) -> None:
        """Answer so many questions."""
        while count > 0:
            for task in self.client.lease(slug, min(count, 20)):
                self.client.decide(slug, task_id=task.task_id, action="correct", categories=[answer(task)])
                count -= 1
            settle(self.client, slug)

    def learn(self, slug: str) -> None:
        """Have a version trained, and have it serve whether it is better or not."""
        self.client.train(slug)
        settle(self.client, slug)
        newest = self.client.versions(slug)[0].version
        if self.client.stats(slug).serving_model != newest:
            self.client.promote(slug, newest)

    def _item(self, mark: str, *, clear: bool) -> str:
        topic = self.topics.rng.randrange(_CATEGORIES)
        own = self.topics.rng.choices(self.topics.own[topic], k=_CLEAR_WORDS)
        text = f"{' '.join(own) if clear else self.topics.text(topic)} {mark}"
        self.truths[text] = self.topics.names[topic]
        return text
