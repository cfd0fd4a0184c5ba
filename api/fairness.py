"""Places of which there are so many, handed out by turns to the callers that wait for one.

In a plain queue, whoever sends a hundred requests at once stands before everybody else a hundred times. Here each
caller has a line of its own, and a place that comes free goes to the line whose turn it is.
"""

import asyncio
from collections import OrderedDict, deque

from models.errors import Busy


class FairSlots:
    """So many places; used from one event loop.

    Args:
        total: how many there are.
        patience: after so many seconds nobody waits any longer.
    """

    def __init__(self, total: int, patience: float) -> None:
        self._free = total
        self._patience = patience
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def free(self) -> int:
        """How many nobody has."""
        return self._free

    def taken_by(self, who: str) -> "_Place":
        """A place for as long as the block lasts, once it is this caller's turn. Raises Busy."""
        return _Place(self, who)

    async def take(self, who: str) -> None:
        """Take a place, once it is this caller's turn. Raises Busy."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(who)

    async def _wait(self, who: str) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._turn_of(who)
        except TimeoutError:
            detail = "Too much is asked at once, and the turn of this request did not come in time: try again."
            raise Busy(detail) from None

    async def _turn_of(self, who: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(who, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(who, turn)
            else:
                self.give()  # the place came in the very moment in which nobody wanted it any more
            raise

    def _leave(self, who: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(who)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._lines[who]

    def give(self) -> None:
        """Hand a place on."""
        while self._lines:
            who, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[who] = line  # at the end: the others come first now
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class _Place:
    __slots__ = ("_slots", "_who")

    def __init__(self, slots: FairSlots, who: str) -> None:
        self._slots = slots
        self._who = who

    async def __aenter__(self) -> None:
        await self._slots.take(self._who)

    async def __aexit__(self, *_: object) -> None:
        self._slots.give()
