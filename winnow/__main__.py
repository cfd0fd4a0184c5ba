"""`python -m winnow` is the same as `winnow`."""

import sys

_NEEDED = {"rich", "typer"}


def main() -> None:
    """Run the command; say what is missing where only the client was installed."""
    try:
        from winnow.cli import main as run  # noqa: PLC0415 - the client alone has not what the command needs
    except ModuleNotFoundError as missing:
        if missing.name not in _NEEDED:
            raise
        sys.exit("The command needs more than the client: pip install 'winnow[command]'")
    run()


if __name__ == "__main__":
    main()
