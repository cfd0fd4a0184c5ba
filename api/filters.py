"""What lists may be narrowed to, as it stands in the address."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator, Field
from sqlalchemy.orm import Session

from api.paging import MayBeEmpty, is_id
from api.schemas.base import refuse_unstorable
from models.errors import Invalid, Missing, Problem
from models.steps.browse import SORTS, Wanted
from models.steps.decisions import resolve
from models.store.tables import ProjectRow
from models.vocabulary import ItemState, Reason, Source

_YEARS = (1970, 9000)


def _storable(text: str) -> str:
    refuse_unstorable(text)
    return text


def _in_utc(moment: datetime) -> datetime:
    """A moment without a zone is taken as UTC; one that no database keeps is refused."""
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        message = f"must lie between the years {_YEARS[0]} and {_YEARS[1]}"
        raise ValueError(message)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Text = Annotated[str, Field(max_length=1000), AfterValidator(_storable)]
Words = Annotated[Text | None, MayBeEmpty]
"""A text to filter by."""

Confidence = Annotated[float | None, Field(ge=0, le=1), MayBeEmpty]
When = Annotated[Annotated[datetime, AfterValidator(_in_utc)] | None, MayBeEmpty]


class DecidedWhen:
    """By whom and when an item was decided."""

    def __init__(
        self,
        reviewer: Annotated[Words, Query(description="Decided by the user or key of this name.")] = None,
        since: Annotated[When, Query(description="Decided then or later.")] = None,
        until: Annotated[When, Query(description="Decided before.")] = None,
    ) -> None:
        self.reviewer = reviewer
        self.since = since
        self.until = until


_NOTHING = DecidedWhen()


class ItemFilters:
    """Which items."""

    def __init__(
        self,
        q: Annotated[
            Words, Query(description="Words that all occur in the text; each finds longer ones that begin so.")
        ] = None,
        like: Annotated[Words, Query(description="A text or an item's id: nearest in meaning first.")] = None,
        category: Annotated[Words, Query(description="Decided so, else predicted so.")] = None,
        state: Annotated[ItemState | None, MayBeEmpty] = None,
        min_confidence: Confidence = None,
        max_confidence: Confidence = None,
        sort: Annotated[Words, Query(description=f"One of {', '.join(SORTS)}.")] = None,
        decided: Annotated[DecidedWhen, Depends()] = _NOTHING,
    ) -> None:
        if like is not None and like.isdigit() and not is_id(like):
            raise Missing("There is no item with this id to compare with.")
        if sort is not None and sort not in SORTS:
            rule = f"must be one of {', '.join(SORTS)}"
            raise Invalid(f"`sort` {rule}.", problems=[Problem(("query", "sort"), rule)])
        self._category = category
        self._decided = decided
        self._given = (tuple((q or "").split()), like, state, min_confidence, max_confidence, sort)

    def wanted(self, session: Session, project: ProjectRow) -> Wanted:
        """As the domain takes it. Raises BadReference for an unknown category."""
        words, like, state, least, most, sort = self._given
        return Wanted(
            words=words,
            like=like,
            category_id=resolve_one(session, project, self._category),
            state=state,
            min_confidence=least,
            max_confidence=most,
            sort=sort,
            decided_by=self._decided.reviewer,
            since=self._decided.since,
            until=self._decided.until,
        )


class DecisionFilters:
    """Which decisions."""

    def __init__(
        self,
        reviewer: Annotated[Words, Query(description="A user's or key's name.")] = None,
        category: Annotated[Words, Query()] = None,
        source: Annotated[Source | None, MayBeEmpty] = None,
        since: Annotated[When, Query()] = None,
        until: Annotated[When, Query()] = None,
        reason: Annotated[Reason | None, Query(description="Why the item was asked."), MayBeEmpty] = None,
    ) -> None:
        self.reviewer = reviewer
        self.category = category
        self.source = source
        self.reason = reason
        self.since = since
        self.until = until


def resolve_one(session: Session, project: ProjectRow, name: str | None) -> int | None:
    """The id of the category that a filter names. Raises BadReference where there is none."""
    return None if name is None else resolve(session, project, [name], ("query", "category"))[0]
