"""Whether the promise "accepted answers are right at least so often" still stands."""

from dataclasses import dataclass

from scipy.special import bdtr

LEVEL = 0.05
"""How often audits contradict, at one look, a promise that is just kept."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Audited answers that went, or would have gone, without a person.

    Attributes:
        accepted: how many there were.
        correct: how many of them were right.
        target: the accuracy promised.
        p_value: how likely so few right ones would be if the promise were just kept; 1.0 without any.
    """

    accepted: int
    correct: int
    target: float
    p_value: float

    @property
    def contradicted(self) -> bool:
        """Whether the audits speak against the promise."""
        return self.p_value <= LEVEL


def standing(correct: int, accepted: int, target: float) -> Standing:
    """Hold a promise against audits that came after it was made.

    Args:
        correct: right answers among those accepted, 0 .. accepted.
        accepted: audited answers that reached the threshold.
        target: the accuracy promised, between 0 and 1.
    """
    return Standing(accepted, correct, target, float(bdtr(correct, accepted, target)) if accepted else 1.0)
