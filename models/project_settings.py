"""What a project may choose for itself."""

from pydantic import BaseModel, ConfigDict, Field

from models.numbers import Flag, numbers
from models.vocabulary import AutomationBy, Promotion


class ProjectSettings(BaseModel):
    """A project's settings; each has a default that suits most.

    Attributes:
        retrain_every: decisions after which a new version is trained.
        audit_rate: share of questions that are blind audits, and of the pool kept for them.
        second_look_rate: share of decisions that are second looks at items decided before.
        target_accuracy: what answers accepted without a person must reach, with 95 % certainty.
        reviews_per_item: people who decide each item.
        promotion: whether a new version serves by itself unless it is worse, or only by hand.
        automation_by: whether the target holds for all accepted answers together, or in each category by itself.
        shadow_candidates: a new version that does not serve at once answers beside the one that does, unheard.
        members_only: the project exists only for its members and for admins.
        item_days: an item is erased so many days after it came, whatever it is; 0: never by itself.
        prediction_days: answers to programs are kept so long; 0: as long as the installation keeps them, never longer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    _numbers = numbers(
        "retrain_every",
        "audit_rate",
        "second_look_rate",
        "target_accuracy",
        "reviews_per_item",
        "item_days",
        "prediction_days",
    )
    retrain_every: int = Field(default=20, ge=1, le=1_000_000)
    audit_rate: float = Field(default=0.1, ge=0, le=0.5)
    second_look_rate: float = Field(default=0.05, ge=0, le=0.5)
    target_accuracy: float = Field(default=0.95, gt=0, lt=1)
    reviews_per_item: int = Field(default=1, ge=1, le=10)
    promotion: Promotion = Promotion.AUTOMATIC
    automation_by: AutomationBy = AutomationBy.PROJECT
    shadow_candidates: Flag = False
    members_only: Flag = False
    item_days: int = Field(default=0, ge=0, le=36_500)
    prediction_days: int = Field(default=0, ge=0, le=3_650)
