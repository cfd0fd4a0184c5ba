"""Users and API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from winnow import console

if TYPE_CHECKING:
    from winnow.access import Access

_MOST_DAYS = 36_500

Role = Annotated[str, typer.Option(help="reviewer, program, manager or admin.")]


def createuser(
    context: typer.Context,
    *,
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Role = "reviewer",
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
            envvar="WINNOW_NEW_PASSWORD",
            help="Asked for if left out.",
        ),
    ] = "",
) -> None:
    """Add a person who may sign in."""
    access: Access = context.obj
    with access.client() as client:
        user = client.create_user(username, password, role)
    if access.as_json:
        console.write_json(user)
        return
    console.results.print(f"{user.username} may sign in as {user.role}")


def apikey(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Role = "program",
    days: Annotated[
        int | None, typer.Option(min=1, max=_MOST_DAYS, help="Days until it ends; never if left out.")
    ] = None,
) -> None:
    """Make an API key; its secret is shown this once."""
    access: Access = context.obj
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with access.client() as client:
        key = client.create_api_key(name, role, expires_at=expires_at)
    if access.as_json:
        console.write_json(key)
        return
    console.remark(f"Key {key.id} for {key.name} ({key.role}); its secret, shown this once:")
    console.results.print(key.secret or "", markup=False)
