"""Places are handed out by turns: who asks a hundred times at once does not stand before everybody else."""

import asyncio

import pytest

from api.fairness import FairSlots
from models.errors import Busy


def test_callers_take_turns_however_many_requests_each_has() -> None:
    async def play() -> list[str]:
        slots, served = FairSlots(1, patience=60), []

        async def ask(who: str) -> None:
            async with slots.taken_by(who):
                served.append(who)
                await asyncio.sleep(0)

        greedy = [asyncio.create_task(ask("greedy")) for _ in range(50)]
        await asyncio.sleep(0)
        modest = [asyncio.create_task(ask(who)) for who in ("ann", "bob", "ann")]
        await asyncio.gather(*greedy, *modest)
        assert slots.free == 1
        return served

    served = asyncio.run(play())
    assert len(served) == 53
    assert {"ann", "bob"} <= set(served[:6])
    assert served[:8].count("ann") == 2


def test_no_place_is_lost_when_somebody_gives_up_waiting() -> None:
    async def play() -> int:
        slots = FairSlots(2, patience=60)

        async def ask(who: str) -> None:
            async with slots.taken_by(who):
                await asyncio.sleep(0)

        for chance in range(200):
            tasks = [asyncio.create_task(ask(str(number % 3))) for number in range(9)]
            for step, task in enumerate(tasks):
                if (chance + step) % 4 == 0:
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return slots.free

    assert asyncio.run(play()) == 2


def test_who_waits_too_long_is_told_and_takes_no_place_with_them() -> None:
    async def play() -> int:
        slots = FairSlots(1, patience=0.01)
        async with slots.taken_by("long"):
            for who in ("short", "long"):
                with pytest.raises(Busy, match="try again"):
                    async with slots.taken_by(who):
                        raise AssertionError
        async with slots.taken_by("short"):
            assert slots.free == 0
        return slots.free

    assert asyncio.run(play()) == 1
