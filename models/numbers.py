"""Numbers and truth values as JSON has them: a text that looks like one is none, and neither stands for the other.

For bodies of requests. What comes as text by its nature, such as the parameters of an address, is read as it always is.
"""

from typing import Annotated, Any

from pydantic import Strict, field_validator
from pydantic_core import PydanticCustomError

Flag = Annotated[bool, Strict()]
"""`true` or `false`, and neither 1 nor "yes"."""


def numbers(*names: str) -> Any:
    """What keeps these fields of a model to numbers. 3.0 is the whole number 3: JSON does not tell them apart."""
    return field_validator(*names, mode="before")(_number)


def _number(given: Any) -> Any:
    if isinstance(given, str | bytes | bool):
        raise PydanticCustomError("number_type", "Input should be a number")
    return given
