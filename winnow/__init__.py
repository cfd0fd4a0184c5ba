"""Winnow's Python client and command.

from winnow import Client

with Client("http://127.0.0.1:8000", api_key="…") as client:
    answer = client.predict("bbc-news", ["Shares fall as oil climbs"])
    print(answer.predictions[0].category, answer.predictions[0].confidence)
"""

from importlib.metadata import version

from winnow.client import Client
from winnow.errors import (
    ApiError,
    ChangedMeanwhile,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    JobFailed,
    NoFile,
    NotFound,
    RateLimited,
    ServerError,
    Unauthenticated,
    UnusableAnswer,
    WaitTimedOut,
    WinnowError,
)

__version__ = version("winnow")

__all__ = [
    "ApiError",
    "ChangedMeanwhile",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "Forbidden",
    "InvalidRequest",
    "JobFailed",
    "NoFile",
    "NotFound",
    "RateLimited",
    "ServerError",
    "Unauthenticated",
    "UnusableAnswer",
    "WaitTimedOut",
    "WinnowError",
    "__version__",
]
