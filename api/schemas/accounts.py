"""People, keys and sign-ins."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from api.policies import scopes_of
from api.schemas.base import Future, Moment, Output, OutputId, Schema
from models.numbers import Flag
from models.steps.accounts import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS
from models.steps.tokens import SignIn
from models.store.tables import ApiKeyRow, UserRow
from models.vocabulary import Role

Password = Annotated[str, Field(min_length=MIN_PASSWORD_CHARS, max_length=MAX_PASSWORD_CHARS)]
Username = Annotated[str, Field(min_length=1, max_length=100)]


class TokensOut(Output):
    """What signing in gives."""

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - the OAuth2 word for it
    expires_in: int = Field(description="Seconds for which the access token works.")

    @classmethod
    def of(cls, made: SignIn) -> Self:
        """The tokens of a sign-in."""
        return cls(access_token=made.access_token, refresh_token=made.refresh_token, expires_in=made.expires_in)


class RefreshIn(Schema):
    """A refresh token."""

    refresh_token: str = Field(min_length=1, max_length=1024)


class MeOut(Output):
    """The caller."""

    id: OutputId
    username: str
    role: Role


class NewUser(Schema):
    """A person to be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"username": "ada", "password": "correct horse battery", "role": "reviewer"}]}
    )

    username: Username
    password: Password
    role: Role = Role.REVIEWER


class UserChanges(Schema):
    """What to change about a person; what is left out stays."""

    username: Username | None = None
    password: Password | None = None
    role: Role | None = None
    active: Flag | None = None


class UserOut(Output):
    """A person."""

    id: OutputId
    username: str
    role: Role
    active: bool
    created_at: Moment

    @classmethod
    def of(cls, row: UserRow) -> Self:
        """From its row."""
        return cls(
            id=str(row.id),
            username=row.username,
            role=row.role,
            active=row.active,
            created_at=row.created_at,
        )


class NewApiKey(Schema):
    """A key to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "helpdesk", "role": "program", "scopes": ["predict", "give_feedback"]}]
        }
    )

    name: str = Field(min_length=1, max_length=100)
    role: Role = Role.PROGRAM
    expires_at: Future | None = None
    scopes: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="What it may do of what its role may.",
    )

    @model_validator(mode="after")
    def _known_scopes(self) -> Self:
        known = scopes_of(self.role)
        unknown = [scope for scope in self.scopes or () if scope not in known]
        if unknown:
            message = f"a key of this role has no scope {unknown[0][:50]!r}; there are: {', '.join(known)}"
            raise ValueError(message)
        return self


class ApiKeyOut(Output):
    """A key, without its secret."""

    id: OutputId
    name: str
    role: Role
    scopes: list[str] | None = Field(description="What it is narrowed to; null for all of its role.")
    prefix: str = Field(description="The beginning of the secret, to recognise it by.")
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def of(cls, row: ApiKeyRow) -> Self:
        """From its row."""
        return cls(**_key_fields(row))


class NewApiKeyOut(ApiKeyOut):
    """A key just made: the only time that its secret is shown."""

    secret: str

    @classmethod
    def made(cls, row: ApiKeyRow, secret: str) -> Self:
        """From its row and its secret."""
        return cls(**_key_fields(row), secret=secret)


def _key_fields(row: ApiKeyRow) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "role": row.role,
        "scopes": row.scopes,
        "prefix": row.prefix,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
    }


class CallerUse(Output):
    """What a caller has used of its limits in the present window."""

    caller: str = Field(description="`user:<id>` or `key:<id>`.")
    name: str
    used: dict[str, int] = Field(description="By the names of the limits; what was not used is left out.")


class LimitsOut(Output):
    """How often each caller may ask, and who has asked how often."""

    window_seconds: int
    limits: dict[str, int] = Field(
        description="Requests by class (`read`, `write`, `predict`, `upload`, `sign_in`: by address) and `items`, for "
        "each caller in a window. The operator sets them: `WINNOW_RATE_…`."
    )
    callers: list[CallerUse] = Field(description="Those who used something of the present window.")
