"""Every error a caller may meet, by kind.

    WinnowError
    ├── Invalid          the request cannot be understood or breaks a rule          → 422 (413 when too large)
    │   ├── TooLarge
    │   ├── BadReference     names something that is not there, inside the request
    │   └── AddressRefused   a webhook may not go there
    ├── Unauthenticated  nobody knows who is calling                                → 401
    ├── Forbidden        known, but not allowed                                     → 403
    ├── Missing          not there, or not there for this caller                    → 404
    ├── Conflict         well formed, but not now: the state stands against it      → 409
    │   ├── AlreadyThere, LeaseLost, AlreadyDecided, TooLittleToLearn, NoVersion, ...
    └── Unavailable      a part that Winnow needs is away; try again                → 503

Built-in exceptions are not mapped: an unforeseen one is a bug and answers 500 without its text. What says that the
disk is full or the database is gone is told apart by `models.absence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Place = tuple[str | int, ...]
"""The way to something in a request, e.g. `("body", "items", 0, "text")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a request.

    Attributes:
        loc: where it is.
        msg: what is wrong and what would be right, in a sentence.
    """

    loc: Place
    msg: str


class WinnowError(Exception):
    """Something a caller can understand and act on.

    Attributes:
        code: stable name of the error, for programs; part of the contract.
        detail: a sentence for people: what happened and what to do.
        problems: the places in the request; where a bad one names none, it is wrong as a whole.
    """

    code = "error"

    def __init__(self, detail: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = tuple(problems)


class Invalid(WinnowError):
    """The request breaks a rule."""

    code = "invalid"


class TooLarge(Invalid):
    """The request is larger than Winnow takes."""

    code = "too-large"


class BadReference(Invalid):
    """The request names something that is not there, such as an unknown category."""

    code = "bad-reference"


class AddressRefused(Invalid):
    """A webhook may not go to this address."""

    code = "address-refused"


class Unauthenticated(WinnowError):
    """No valid credential."""

    code = "unauthenticated"


class Forbidden(WinnowError):
    """The caller's role does not reach."""

    code = "forbidden"


class Missing(WinnowError):
    """Not there, or not there for this caller."""

    code = "not-found"


class Conflict(WinnowError):
    """The state of things stands against the request."""

    code = "conflict"


class AlreadyThere(Conflict):
    """A name or id is taken."""

    code = "already-exists"


class LeaseLost(Conflict):
    """The lease on a task ended and somebody else may have it."""

    code = "lease-lost"


class AlreadyDecided(Conflict):
    """The task was decided before."""

    code = "already-decided"


class NotUndoable(Conflict):
    """The decision can no longer be undone."""

    code = "not-undoable"


class TooLittleToLearn(Conflict):
    """There are too few decisions or categories to train on."""

    code = "too-little-to-learn"


class TooFewCategories(Conflict):
    """A project needs two categories before it can answer."""

    code = "too-few-categories"


class NoVersion(Conflict):
    """There is no version that could do what was asked."""

    code = "no-version"


class KeyReused(Conflict):
    """An idempotency key came with a different request."""

    code = "idempotency-key-reused"


class Unavailable(WinnowError):
    """A part Winnow needs is away for the moment."""

    code = "unavailable"


class Busy(Unavailable):
    """So much is asked at once that a request's turn did not come in time."""

    code = "busy"


class EncoderBusy(Unavailable):
    """The texts of a request could not be encoded in time."""

    code = "encoder-busy"


class BundleBroken(Unavailable):
    """A saved version fails its checks and is not loaded."""

    code = "bundle-broken"
