"""The words Winnow uses for states and kinds: one spelling for the database, the API and the code."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller may do. `program` and `reviewer` stand side by side below `manager`."""

    PROGRAM = "program"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    ADMIN = "admin"

    @property
    def includes(self) -> frozenset["Role"]:
        """The roles whose rights this one has, itself among them."""
        return _INCLUDES[self]


_INCLUDES = {
    Role.PROGRAM: frozenset({Role.PROGRAM}),
    Role.REVIEWER: frozenset({Role.REVIEWER}),
    Role.MANAGER: frozenset({Role.PROGRAM, Role.REVIEWER, Role.MANAGER}),
    Role.ADMIN: frozenset(Role),
}


class TaskKind(StrEnum):
    """How many categories an item of a project may have."""

    SINGLE = "single"
    MULTI = "multi"


class ItemState(StrEnum):
    """Where an item stands in review. `disputed`: people answered differently, and nobody has settled it yet."""

    UNDECIDED = "undecided"
    DECIDED = "decided"
    FLAGGED = "flagged"
    DISPUTED = "disputed"


SETTLED = (ItemState.DECIDED, ItemState.FLAGGED, ItemState.DISPUTED)
"""All but the undecided ones; named one by one, for an index finds what a state is, and not what it is not."""


class Action(StrEnum):
    """What a person or program did with an item."""

    ACCEPT = "accept"
    CORRECT = "correct"
    SKIP = "skip"
    FLAG = "flag"
    UNDO = "undo"


class Source(StrEnum):
    """Where a decision came from."""

    REVIEW = "review"
    IMPORT = "import"
    FEEDBACK = "feedback"


class Reason(StrEnum):
    """Why an item is asked."""

    UNCERTAIN = "uncertain"
    DIVERSE = "diverse"
    AUDIT = "audit"
    SECOND_LOOK = "second_look"
    REQUESTED = "requested"

    @property
    def blind(self) -> bool:
        """Whether the reviewer answers without seeing what the machine or anybody else said."""
        return self in {Reason.AUDIT, Reason.SECOND_LOOK}


class Surgery(StrEnum):
    """What may be done to a category."""

    EDIT = "edit"
    MERGE = "merge"
    SPLIT = "split"


class VersionStatus(StrEnum):
    """The life of a version."""

    TRAINING = "training"
    CANDIDATE = "candidate"
    SERVING = "serving"
    RETIRED = "retired"
    FAILED = "failed"


class JobStatus(StrEnum):
    """The life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}


DEADLY = "given up: its worker died"
"""How the error of a job begins that no worker has survived."""


class Job(StrEnum):
    """The kinds of work that happen behind a request; `worker.handlers` has one function for each."""

    IMPORT = "import"
    EMBED = "embed"
    SCORE = "score"
    QUEUE = "queue"
    TRAIN = "train"
    REGISTER = "register"
    REPRODUCE = "reproduce"
    BATCH_PREDICT = "batch_predict"
    EXPORT = "export"
    DELIVER = "deliver"
    MAINTAIN = "maintain"
    ALERTS = "alerts"
    MAIL = "mail"


class Verdict(StrEnum):
    """Whether an answer may be used without a person."""

    ACCEPT = "accept"
    REVIEW = "review"


class Promotion(StrEnum):
    """Who decides that a new version serves."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class AutomationBy(StrEnum):
    """Of what the answers accepted without a person reach the target: of all together, or in each category."""

    PROJECT = "project"
    CATEGORY = "category"


class ReviewMode(StrEnum):
    """What `POST /predict` does with items besides answering."""

    NEVER = "never"
    UNCERTAIN = "uncertain"
    ALWAYS = "always"


class Event(StrEnum):
    """What webhooks are told of."""

    ITEM_DECIDED = "item.decided"
    MODEL_PROMOTED = "model.promoted"
    ALERT_FIRED = "alert.fired"
    ALERT_RESOLVED = "alert.resolved"
    IMPORT_FINISHED = "import.finished"
    WEBHOOK_TEST = "webhook.test"


class DeliveryStatus(StrEnum):
    """The life of a webhook delivery: it waits until it is acknowledged, or given up."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Alert(StrEnum):
    """What somebody has to look at. Prometheus has the same rules under the same names, in its own spelling."""

    WORKER_GONE = "worker-gone"
    REDIS_AWAY = "redis-away"
    DISK_FILLING = "disk-filling"
    BACKUP_OLD = "backup-old"
    JOBS_WAITING = "jobs-waiting"
    JOBS_FAILING = "jobs-failing"
    TRAINING_FAILED = "training-failed"
    BUNDLE_BROKEN = "bundle-broken"
    ACCURACY_BELOW_TARGET = "accuracy-below-target"
    AUTOMATION_SUSPENDED = "automation-suspended"
    DATA_SHIFTED = "data-shifted"
    CALIBRATION_POOR = "calibration-poor"
    QUEUE_STARVED = "queue-starved"

    @property
    def runbook(self) -> str:
        """The page that says what to do, below `docs/runbooks`."""
        return "".join(word.title() for word in self.value.split("-")) + ".md"
