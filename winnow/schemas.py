"""What crosses HTTP, typed.

Every schema keeps fields it does not know, so that an older client works with a newer server. Times are UTC.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Schema(BaseModel):
    """What all answers have in common: read only, unknown fields are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Edited(Schema):
    """What several people may change.

    Attributes:
        etag: what it was when it was made, changed, or read by itself; given as `if_match`, it keeps a change from
            falling on something that somebody changed meanwhile. None in a list.
    """

    etag: str | None = Field(default=None, exclude=True, repr=False)


class Tokens(Schema):
    """What signing in gives: a short-lived access token and the refresh token that renews it."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: float


class User(Edited):
    """A person who signs in."""

    id: str
    username: str
    role: str
    active: bool = True


class ApiKey(Schema):
    """A program's key; `secret` is there only in the answer that made it."""

    id: str
    name: str
    role: str
    scopes: list[str] | None = None
    secret: str | None = None
    prefix: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


class Category(Edited):
    """A category of a project."""

    id: str
    name: str
    description: str = ""
    parent_id: str | None = None
    shortcut: str | None = None
    archived: bool = False
    merged_into_id: str | None = None


class Project(Edited):
    """A project: its task, its categories and its settings."""

    slug: str
    name: str
    task: str = "single"
    text_fields: list[str] = Field(default_factory=list)
    categories: list[Category] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)


class ImportStarted(Schema):
    """An accepted upload."""

    id: str
    job_id: str


class Import(Schema):
    """An upload and what became of its rows; `rows_read = rows_added + rows_duplicate + rows_rejected`."""

    id: str
    filename: str
    status: str
    rows_read: int = 0
    rows_added: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    job_id: str | None = None
    error: str | None = None
    note: str | None = None


class Suggestion(Schema):
    """Which columns look like text, id and label."""

    text_fields: list[str] = Field(default_factory=list)
    id_field: str | None = None
    label_field: str | None = None


class RowFault(Schema):
    """A row that cannot be read: where and why."""

    line: int
    column: int | str | None = None
    code: str = ""
    message: str = ""


class Preview(Schema):
    """The first rows of a file as Winnow would read them."""

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    compressed: bool = False
    columns: list[str] = Field(default_factory=list)
    suggested: Suggestion = Field(default_factory=Suggestion)
    rows: list[dict[str, Any]] = Field(default_factory=list)
    errors: list[RowFault] = Field(default_factory=list)
    note: str | None = None


class AddedItem(Schema):
    """What became of one item that was sent."""

    id: str | None = None
    external_id: str | None = None
    status: str


class Added(Schema):
    """What became of the items that were sent."""

    added: int
    duplicate: int
    items: list[AddedItem] = Field(default_factory=list)


class Ranked(Schema):
    """A category with its calibrated confidence (0 to 1)."""

    category: str
    confidence: float


class Prediction(Schema):
    """An answer: `decision` is `accept` where it may be used without a person, else `review`."""

    category: str | None = None
    confidence: float | None = None
    decision: Literal["accept", "review"] | None = None
    top: list[Ranked] = Field(default_factory=list)
    categories: list[str] | None = None
    prediction_id: str | None = None
    item_id: str | None = None
    model_version: int | None = None


class Predictions(Schema):
    """Answers in the order of the items asked, and the version that gave them."""

    model_version: int
    predictions: list[Prediction]


class Item(Schema):
    """An item of a project; the lists at the end are filled when one item is asked for."""

    id: str
    external_id: str | None = None
    text: str = ""
    fields: dict[str, Any] = Field(default_factory=dict)
    state: str | None = None
    category: str | None = None
    prediction: Prediction | None = None
    created_at: datetime | None = None
    decisions: list[dict[str, Any]] = Field(default_factory=list)
    neighbours: list[dict[str, Any]] = Field(default_factory=list)
    words: list[dict[str, Any]] = Field(default_factory=list)
    field_weights: list[dict[str, Any]] = Field(default_factory=list)


class ItemsPage(Schema):
    """One page of items; `next_cursor` is None on the last."""

    items: list[Item]
    next_cursor: str | None = None


class TaskItem(Schema):
    """The item of a task."""

    id: str
    external_id: str | None = None
    text: str
    fields: dict[str, Any] = Field(default_factory=dict)


class Task(Schema):
    """An item leased to the caller until `expires_at`; on an `audit` task `prediction` is None."""

    task_id: str
    item: TaskItem
    prediction: Prediction | None = None
    reason: str
    explanation: str | None = None
    expires_at: datetime


class OldAnswer(Schema):
    """What the machine had said of an item before it was decided."""

    category: str
    confidence: float | None = None
    model_version: int | None = None


class Decision(Schema):
    """A decision as it was taken, or as it stands in the history."""

    id: str
    item_id: str
    categories: list[str] = Field(default_factory=list)
    undoable_until: datetime | None = None
    action: str | None = None
    source: str | None = None
    reviewer: str | None = None
    note: str | None = None
    created_at: datetime | None = None
    reason: str | None = None
    blind: bool = False
    said: OldAnswer | None = None
    learnt_by: int | None = None


class DecisionError(Schema):
    """Why one decision of a list was not taken."""

    code: str = ""
    detail: str = ""


class DecisionResult(Schema):
    """What became of one decision of a list."""

    status: Literal["created", "repeated", "failed"]
    id: str | None = None
    item_id: str | None = None
    categories: list[str] = Field(default_factory=list)
    undoable_until: datetime | None = None
    error: DecisionError | None = None


class Undone(Schema):
    """What became of one decision that was to be taken back."""

    decision_id: str
    status: Literal["undone", "failed"]
    error: DecisionError | None = None


class Feedback(Schema):
    """The decision that a program's feedback became."""

    decision_id: str


class Progress(Schema):
    """How far a job is; `total` is None while it is unknown."""

    done: int = 0
    total: int | None = None


class Job(Schema):
    """Long work behind a request."""

    id: str
    kind: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: Progress = Field(default_factory=Progress)
    error: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in {"succeeded", "failed", "cancelled"}
