"""The Python client.

    with Client("http://127.0.0.1:8000", username="ann", password="…") as client:
        started = client.import_file("support-tickets", "tickets.csv")
        client.wait(started.job_id)
        for item in client.items("support-tickets", state="undecided"):
            print(item.id, item.text)

Every call raises a subclass of `winnow.errors.ApiError` for an error answer and
`winnow.errors.ConnectionFailed` where there is no answer. Lists are fetched page by page behind the scenes.
"""

from winnow.calls.accountability import AccountabilityCalls
from winnow.calls.accounts import AccountCalls
from winnow.calls.answers import AnswerCalls
from winnow.calls.data import DataCalls
from winnow.calls.findings import FindingCalls
from winnow.calls.groups import GroupCalls
from winnow.calls.projects import ProjectCalls
from winnow.calls.review import ReviewCalls
from winnow.calls.versions import VersionCalls
from winnow.calls.webhooks import WebhookCalls


class Client(
    AccountabilityCalls,
    AccountCalls,
    ProjectCalls,
    DataCalls,
    AnswerCalls,
    ReviewCalls,
    GroupCalls,
    VersionCalls,
    FindingCalls,
    WebhookCalls,
):
    """All calls on one connection; `winnow.connection.Connection` explains the arguments."""
