"""All that a version needs to answer on another machine: no database, no shared folder."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Missing, Unavailable
from models.heads import Served
from models.learn.bundle import BUNDLE, HEAD, load
from models.learn.encoders import Encoder
from models.learn.folding import fold
from models.learn.heads import PrototypeHead
from models.learn.text import compose
from models.readers import Record
from models.runtime import Runtime
from models.steps.accounts import SYSTEM
from models.steps.batch import answers_of
from models.steps.projects import find_project
from models.steps.suspension import trusted
from models.store.queries.categories import merged_categories
from models.store.queries.projects import categories_of
from models.store.tables import CategoryRow, ProjectRow, VersionRow


@dataclass(frozen=True)
class Recipe:
    """A version in pieces that can be sent.

    Attributes:
        number: of the version; 0 stands for the categories' names and descriptions.
        encoder: id of the encoder whose vectors it knows.
        categories: id, name and description of those it may answer with.
        text_fields: the project's own.
        threshold, by_category: see `models.heads.Served`.
        bundle: its files by name; empty for version 0.
        sha256: of the bundle.
        merged: what merged categories count for, by id.
    """

    project: str
    number: int
    encoder: str
    categories: tuple[tuple[int, str, str], ...]
    text_fields: tuple[str, ...]
    threshold: float | None
    by_category: dict[int, float]
    bundle: dict[str, bytes] = field(default_factory=dict)
    sha256: str = ""
    merged: dict[int, int] = field(default_factory=dict)


def recipe_of(runtime: Runtime, slug: str | None, number: int) -> Recipe:
    """A version's recipe, once it has passed its checks here.

    Args:
        slug: its project; None where there is one project alone.

    Raises:
        Missing, NoVersion, BundleBroken: there is no such version that could answer.
    """
    with runtime.database.read() as session:
        project = find_project(session, SYSTEM, slug or _only_project(session))
        served = trusted(session, project, runtime.heads.get(session, project, number))
        files, sha256 = {}, ""
        if number:
            row = session.scalars(
                select(VersionRow).where(VersionRow.project_id == project.id, VersionRow.number == number)
            ).one()
            folder, sha256 = runtime.artifacts.root / str(row.bundle), str(row.sha256)
            files = {name: (folder / name).read_bytes() for name in (BUNDLE, HEAD)}
        rows = categories_of(session, project.id, archived=False)
        return Recipe(
            project.slug,
            number,
            served.encoder.id,
            tuple((row.id, row.name, row.description) for row in rows),
            tuple(project.text_fields),
            served.threshold,
            dict(served.by_category),
            files,
            sha256,
            merged_categories(session, project.id),
        )


class Answerer:
    """A recipe made ready, with the encoder of this machine.

    Raises:
        Unavailable: the encoder here is another one.
    """

    def __init__(self, recipe: Recipe, encoder: Encoder) -> None:
        if encoder.id != recipe.encoder:
            raise Unavailable(f"the encoder here is {encoder.id}, the version knows {recipe.encoder}")
        self._categories = [
            CategoryRow(id=one, name=name, description=description, archived=False)
            for one, name, description in recipe.categories
        ]
        if recipe.bundle:
            with tempfile.TemporaryDirectory(prefix="winnow-bundle-") as name:
                for file, content in recipe.bundle.items():
                    (Path(name) / file).write_bytes(content)
                bundle = load(Path(name), recipe.sha256)
            head, features = fold(bundle.head, recipe.merged), bundle.features
        else:
            vectors = encoder.encode([compose(name, description) for _, name, description in recipe.categories])
            head, features = PrototypeHead().fit(vectors, np.asarray([one for one, _, _ in recipe.categories])), None
        name = str(recipe.number)
        self._served = Served(recipe.number, name, head, encoder, recipe.threshold, recipe.by_category, features)

    def __call__(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        """An answer for each record, as a whole file gets it over HTTP."""
        return answers_of(self._served, self._categories, records)


def _only_project(session: Session) -> str:
    slugs = session.scalars(select(ProjectRow.slug).order_by(ProjectRow.id).limit(2)).all()
    if len(slugs) != 1:
        raise Missing("say which project: --project SLUG")
    return slugs[0]
