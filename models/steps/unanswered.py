"""What the audits that nobody answered could make of a measured accuracy, if the machine were wrong on all of them."""

from collections import Counter
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from models.learn.audit import exact_interval
from models.store.queries.refusals import Refused, refusals, waiting


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Blind audits beside those that an accuracy was measured on.

    Attributes:
        waiting: asked for now; they may still be answered.
        left: of these, the ones that somebody had in hand and gave back, or let go by.
        skipped, flagged, disputed: nobody is asked any more, or not before a manager has settled it.
    """

    waiting: int
    left: int
    skipped: int
    flagged: int
    disputed: int

    @classmethod
    def since(cls, session: Session, project_id: int, mark: int = 0) -> Self:
        """Those of a project now; of the ended ones only such as ended after the decision `mark`."""
        ended = Counter(one.how for one in refusals(session, project_id) if one.decision_id > mark)
        asked = waiting(session, project_id)
        return cls(asked.open, asked.left, ended[Refused.SKIPPED], ended[Refused.FLAGGED], ended[Refused.DISPUTED])

    @property
    def passed_over(self) -> int:
        """How many somebody saw and did not answer: if these are the hard ones, what was measured is too high."""
        return self.left + self.skipped + self.flagged + self.disputed

    def at_worst(self, right: int, audited: int) -> tuple[float, float]:
        """The accuracy, and the low end of its 95 % interval, if the machine were wrong on all that were passed over.

        Args:
            right: of those that were answered, how many the machine got right.
            audited: how many were answered, at least one.
        """
        asked = audited + self.passed_over
        return right / asked, exact_interval(right, asked)[0]
