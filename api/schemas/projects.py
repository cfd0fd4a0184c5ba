"""Projects, categories and members."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field

from api.schemas.base import InputId, Moment, Output, OutputId, Schema
from models.numbers import Flag
from models.project_settings import ProjectSettings
from models.steps.projects import NewCategory, settings_of
from models.store.tables import CategoryRow, ProjectRow, UserRow
from models.vocabulary import Role, TaskKind

Name = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=10_000)]
Shortcut = Annotated[str, Field(min_length=1, max_length=1)]
FieldName = Annotated[str, Field(min_length=1, max_length=255)]


class FirstCategoryIn(Schema):
    """A category of a project to be; `parent` names one that stands before it, for none has an id yet."""

    name: Name
    description: Description = ""
    parent: Name | None = None
    parent_id: None = Field(default=None, description="Never an id: use `parent`.")
    shortcut: Shortcut | None = None

    def plan(self) -> NewCategory:
        """As the domain takes it."""
        return NewCategory(self.name, self.description, self.parent, self.shortcut)


class CategoryIn(Schema):
    """A category to be; `parent` names one that is there, or `parent_id` says which."""

    name: Name
    description: Description = ""
    parent: Name | None = None
    parent_id: InputId | None = None
    shortcut: Shortcut | None = None

    def plan(self) -> NewCategory:
        """As the domain takes it."""
        return NewCategory(self.name, self.description, self.parent, self.shortcut)


class CategoryChanges(Schema):
    """What to change about a category; what is left out stays, null removes."""

    name: Name | None = None
    description: Description | None = None
    parent_id: InputId | None = None
    shortcut: Shortcut | None = None
    archived: Flag | None = None

    def given(self) -> dict[str, Any]:
        """What the request names; null stands for "none" only where there can be none."""
        changes = self.model_dump(exclude_unset=True)
        removable = {"parent_id", "shortcut"}
        return {name: value for name, value in changes.items() if value is not None or name in removable}


class CategoryOut(Output):
    """A category."""

    id: OutputId
    name: str
    description: str
    parent_id: OutputId | None
    shortcut: str | None
    archived: bool
    merged_into_id: OutputId | None = Field(description="What its decisions count for since it was merged.")

    @classmethod
    def of(cls, row: CategoryRow) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            name=row.name,
            description=row.description,
            parent_id=None if row.parent_id is None else str(row.parent_id),
            shortcut=row.shortcut,
            archived=row.archived,
            merged_into_id=None if row.merged_into_id is None else str(row.merged_into_id),
        )


class NewProject(Schema):
    """A project to be; only its name is required."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Support tickets",
                    "task": "single",
                    "text_fields": ["subject", "body"],
                    "categories": [
                        {"name": "Billing", "description": "invoices, charges, refunds"},
                        {"name": "Login"},
                    ],
                    "settings": {"retrain_every": 20, "target_accuracy": 0.95},
                }
            ]
        }
    )

    name: Name
    slug: str | None = Field(default=None, min_length=1, max_length=60)
    task: TaskKind = TaskKind.SINGLE
    text_fields: list[FieldName] = Field(default_factory=list, max_length=100)
    categories: list[FirstCategoryIn] = Field(default_factory=list, max_length=2000)
    settings: ProjectSettings = Field(default_factory=ProjectSettings)


class ProjectChanges(Schema):
    """What to change about a project; what is left out stays."""

    name: Name | None = None
    text_fields: list[FieldName] | None = Field(default=None, max_length=100)
    settings: ProjectSettings | None = Field(default=None, description="Only what is named here is changed.")


class ProjectOut(Output):
    """A project with its categories, archived ones among them."""

    unedited: ClassVar[frozenset[str]] = frozenset({"serving_model"})
    id: OutputId
    slug: str
    name: str
    task: TaskKind
    text_fields: list[str]
    categories: list[CategoryOut]
    settings: ProjectSettings
    serving_model: int = Field(description="The version that answers; 0: the categories' names.")
    created_at: Moment

    @classmethod
    def of(cls, row: ProjectRow, categories: Sequence[CategoryRow]) -> Self:
        """From its rows."""
        return cls(
            id=str(row.id),
            slug=row.slug,
            name=row.name,
            task=row.task,
            text_fields=row.text_fields,
            categories=[CategoryOut.of(category) for category in categories],
            settings=settings_of(row),
            serving_model=row.serving_number,
            created_at=row.created_at,
        )


def named(settings: ProjectSettings | None) -> dict[str, Any] | None:
    """The settings that a request names, as the domain merges them; the others keep their values."""
    return None if settings is None else settings.model_dump(mode="json", exclude_unset=True)


class MemberOut(Output):
    """A member of a project."""

    user_id: OutputId
    username: str
    role: Role

    @classmethod
    def of(cls, row: UserRow) -> Self:
        """From the person's row."""
        return cls(user_id=str(row.id), username=row.username, role=row.role)
