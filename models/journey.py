"""The way of an item, as data: what each step is called, where it lives, and which job does it."""

from dataclasses import dataclass

from models.vocabulary import Job


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: what it is called, also in the documentation.
        module: where its code is.
        job: the kind of job that does it; None where a request does it at once.
        does: what it does, in a sentence.
    """

    name: str
    module: str
    job: Job | None
    does: str


STEPS = (
    Step("ingest", "models.steps.ingest", Job.IMPORT, "validate, find duplicates, set bad rows aside"),
    Step("embed", "models.steps.embed", Job.EMBED, "turn text into vectors, block by block"),
    Step("score", "models.steps.score", Job.SCORE, "ask the serving version about the whole pool"),
    Step("queue", "models.steps.queue", Job.QUEUE, "choose what to ask next, and why"),
    Step("review", "models.steps.review", None, "lease, decide, undo"),
    Step("train", "models.steps.train", Job.TRAIN, "snapshot, fit, calibrate, evaluate"),
    Step("register", "models.steps.register", Job.REGISTER, "version, promote, roll back"),
    Step("serve", "models.steps.serve", None, "answer over HTTP, take feedback"),
    Step("monitor", "models.steps.monitor", None, "honest accuracy, what is going on, alerts"),
)
