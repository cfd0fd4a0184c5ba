"""What a card asks for beside the work: found out in a thread of its own, so that answers never wait for it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from winnow import WinnowError

_side = ThreadPoolExecutor(max_workers=4, thread_name_prefix="inquiries")


@dataclass
class Inquiry:
    """One question at a time.

    Attributes:
        about: the id that was asked about last.
        coming: the answer to that.
    """

    about: str | None = None
    coming: Future[dict[str, Any]] | None = None

    @property
    def answer(self) -> dict[str, Any] | None:
        """The answer to what was asked last, once it is there."""
        return self.coming.result() if self.coming is not None and self.coming.done() else None

    def ask(self, about: str | None, find: Callable[[str], dict[str, Any]], otherwise: dict[str, Any]) -> None:
        """Begins to find out about an id: once, and again where it failed.

        Args:
            about: the id; None asks nothing.
            find: finds it out.
            otherwise: the answer where the server does not tell. It is a help: a card without it is still a card.
        """
        failed = bool(self.answer and self.answer.get("failed"))
        if about is None or (about == self.about and not failed):
            return

        def look() -> dict[str, Any]:
            try:
                return find(about)
            except WinnowError:
                return {**otherwise, "failed": True}

        self.about, self.coming = about, _side.submit(look)
