"""Training, and where things stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from winnow import console

if TYPE_CHECKING:
    from winnow.access import Access
    from winnow.client import Client


Project = Annotated[str, typer.Argument(help="Slug of the project, e.g. bbc-news.")]


def train(
    context: typer.Context,
    *,
    project: Project,
    wait: Annotated[bool, typer.Option(help="Wait until the version is there.")] = True,
    reproduce: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Prove instead that this version can be made again.")
    ] = None,
) -> None:
    """Train a version on the decisions so far; or prove that one can be made again, byte for byte."""
    access: Access = context.obj
    if reproduce is not None:
        _reproduce(access, project, reproduce)
        return
    with access.client() as client:
        job = client.train(project)
        if wait:
            job = console.wait_with_bar(client, job.id, "Training")
        if access.as_json:
            console.write_json(job)
            return
        if not wait:
            console.results.print(f"Training is queued as job {job.id}")
            return
        newest = client.versions(project)[0]
    accuracy = newest.metrics.accuracy if newest.metrics else None
    console.results.print(
        f"Version {newest.version}: {newest.status}, learned from {newest.trained_on.decisions} decisions, "
        f"accuracy {console.per_cent(accuracy)}"
    )


def _reproduce(access: Access, project: str, number: int) -> None:
    """Has a version made again; ends with 1 where it is not the same."""
    with access.client() as client:
        job = console.wait_with_bar(client, client.reproduce(project, number).id, "Training again")
    found = job.result or {}
    if access.as_json:
        console.write_json(found)
    else:
        console.results.print(escape(str(found.get("summary"))))
    if not found.get("same"):
        raise typer.Exit(1)


def status(
    context: typer.Context,
    *,
    project: Annotated[str | None, typer.Argument(help="Only this project, in detail.")] = None,
) -> None:
    """Show whether the server is healthy and where each project stands."""
    access: Access = context.obj
    with access.client() as client:
        if project is not None:
            _one(client, project, as_json=access.as_json)
            return
        readiness = client.ready()
        rows = [(known, client.stats(known.slug)) for known in client.projects()]
    if access.as_json:
        projects = [
            {"slug": known.slug, "name": known.name, "stats": stats.model_dump(mode="json")} for known, stats in rows
        ]
        console.write_json({"ready": readiness, "projects": projects})
        return
    parts = ", ".join(f"{name} {'ok' if part.ok else part.detail or 'away'}" for name, part in readiness.parts.items())
    console.results.print(f"{client.base_url}: {readiness.status} ({parts})")
    console.table(
        ("project", "items", "decided", "to review", "version", "accuracy"),
        (
            (
                known.slug,
                stats.items.total,
                stats.items.decided,
                stats.queue.open,
                stats.serving_model,
                console.per_cent(stats.accuracy.accuracy if stats.accuracy else None),
            )
            for known, stats in rows
        ),
    )


def _one(client: Client, slug: str, *, as_json: bool) -> None:
    stats = client.stats(slug)
    if as_json:
        console.write_json(stats)
        return
    honest = stats.accuracy
    accuracy = "not measured yet"
    if honest is not None and honest.accuracy is not None:
        bounds = f"{console.per_cent(honest.low)} to {console.per_cent(honest.high)}"
        accuracy = f"{console.per_cent(honest.accuracy)} ({bounds}, {honest.audited} blind audits)"
        if honest.unanswered is not None and honest.unanswered.passed_over:
            accuracy += f", {honest.unanswered.passed_over} more not answered"
    training = "running" if stats.training.running else f"{stats.training.decisions_since_last} decisions since"
    quick = " (quick vectors until all are)" if stats.items.quick else ""
    console.table(
        ("", slug),
        (
            ("items", f"{stats.items.total}, of which {stats.items.embedded} embedded{quick}"),
            ("decided", stats.items.decided),
            ("queue", f"{stats.queue.open} open, {stats.queue.leased} leased"),
            ("serving", f"version {stats.serving_model or 0}"),
            ("training", training),
            ("accuracy", accuracy),
            ("automation", console.per_cent(stats.automation.share)),
        ),
    )
