"""The command `winnow`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from winnow import __version__, console
from winnow.access import Access
from winnow.commands import backups, categorize, demo, people, project, records, up
from winnow.errors import Unauthenticated, WinnowError

app = typer.Typer(
    name="winnow",
    help="Sort records into your own categories, with people in the loop.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.up)
app.command("import")(records.import_)
app.command("predict")(records.predict)
app.command("categorize")(categorize.categorize)
app.command("train")(project.train)
app.command("export")(records.export)
app.command("status")(project.status)
app.command("createuser")(people.createuser)
app.command("apikey")(people.apikey)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("demo")(demo.demo)


def _show_version(wanted: object) -> None:
    if wanted:
        console.results.print(__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(envvar="WINNOW_API_URL", help="Address of the API.")] = None,
    api_key: Annotated[str | None, typer.Option(envvar="WINNOW_API_KEY", help="A program's key.")] = None,
    username: Annotated[str | None, typer.Option(envvar="WINNOW_USERNAME", help="Call as this person.")] = None,
    password: Annotated[str | None, typer.Option(envvar="WINNOW_PASSWORD", help="Asked for if left out.")] = None,
    data_dir: Annotated[
        Path, typer.Option(envvar="WINNOW_DATA_DIR", help="Data folder of a server on this machine.")
    ] = Path(".winnow"),
    as_json: Annotated[bool, typer.Option("--json", help="Results as JSON.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Sort records into your own categories, with people in the loop."""
    del version  # its callback has done the work
    if username is not None and password is None:
        password = typer.prompt("Password", hide_input=True, err=True)
    context.obj = Access(url, api_key, username, password, data_dir, as_json)


def main() -> None:
    """Runs the command; what went wrong is one sentence on the standard error."""
    try:
        app()
    except Unauthenticated as error:
        console.stop(f"{error} Say who you are: --api-key, or --username, or --data-dir of a server here.")
    except WinnowError as error:
        console.stop(str(error))
    except BrokenPipeError:
        raise SystemExit(1) from None  # the reader of our output has had enough
    except OSError as error:
        console.stop(console.sentence_for(error), 2)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
