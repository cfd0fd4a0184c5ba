"""The demo: real news articles, and a reviewer played from their true labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from winnow import console
from winnow.demo.articles import SLUG
from winnow.demo.project import bring_in
from winnow.demo.reviewer import simulate

if TYPE_CHECKING:
    from winnow.access import Access


def demo(
    context: typer.Context,
    *,
    simulated: Annotated[
        bool, typer.Option("--simulate", help="Also play a reviewer who answers from the true labels.")
    ] = False,
    decisions: Annotated[int, typer.Option(min=1, help="How many decisions to play.")] = 200,
    pace: Annotated[float, typer.Option(min=0, help="Seconds for each card.")] = 0.0,
) -> None:
    """Bring in the demo project: 2,225 news articles without labels."""
    access: Access = context.obj
    with access.client() as client:
        bring_in(client, console.results.print if not access.as_json else console.remark)
        if simulated:
            rounds = simulate(client, decisions, pace)
            for played in rounds:
                if access.as_json:
                    console.write_json(played.as_dict())
                else:
                    console.results.print(played.sentence())
        elif access.as_json:
            console.write_json({"project": SLUG})
