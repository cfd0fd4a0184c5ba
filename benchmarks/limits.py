"""Whether limits hold: callers who ask three times as much as they may, of several API processes that share a Redis.

    python -m benchmarks.limits                 # 10 callers, 3 processes, three minutes for calls and three for items
    python -m benchmarks.limits --quick         # one minute each

Each caller has a key of its own and sends at a steady pace, to all processes at once. What it got through is held
against its limit times the minutes measured. Beside them one caller keeps within its limit, and must never be refused.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks._stack import Stack, about

CALLERS = 10
PROCESSES = 3
GREED = 3
CALLS = 150
ITEMS = 1_000
ITEMS_A_CALL = 20
MINUTE = 60.0


@dataclass
class Caller:
    """Somebody with a key, and what became of what it asked."""

    key: str
    pace: float
    granted: int = 0
    refused: int = 0
    odd: list[int] = field(default_factory=list)


def _reading(_: int) -> tuple[str, str, Any]:
    return "GET", "/v1/me", None


def _sending(number: int) -> tuple[str, str, Any]:
    items = [{"text": f"text {number % 7} {place}"} for place in range(ITEMS_A_CALL)]
    return "POST", "/v1/projects/limits/items", {"items": items}


async def _ask(http: httpx2.AsyncClient, url: str, caller: Caller, pace: float, request: Any, until: float) -> None:
    """Send at a pace until the end, one request at a time: what waits would count for the next minute."""
    number, at = 0, time.time()
    while (now := time.time()) < until:
        method, path, body = request(number)
        answer = await http.request(method, url + path, json=body, headers={"X-API-Key": caller.key})
        if answer.is_success:
            caller.granted += 1
        elif answer.status_code == 429 and "Retry-After" in answer.headers:
            caller.refused += 1
        else:
            caller.odd.append(answer.status_code)
        number, at = number + 1, max(at + pace, now)
        await asyncio.sleep(max(0.0, at - time.time()))


async def _run(urls: list[str], callers: list[Caller], request: Any, minutes: int) -> None:
    """All callers at once, from the start of one minute of the clock to the end of another."""
    begin = (time.time() // MINUTE + 1) * MINUTE + 0.2
    await asyncio.sleep(begin - time.time())
    end = begin + minutes * MINUTE - 3.0  # what is sent by then is answered within the minute
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(timeout=30, limits=limits, trust_env=False) as http:
        paces = [(url, caller, caller.pace * len(urls)) for caller in callers for url in urls]
        await asyncio.gather(*(_ask(http, url, caller, pace, request, end) for url, caller, pace in paces))


def _measure(stack: Stack, urls: list[str], what: str, minutes: int) -> dict[str, Any]:
    request, allowed = (_reading, CALLS) if what == "calls" else (_sending, ITEMS // ITEMS_A_CALL)
    span = MINUTE * minutes - 3.0
    with stack.client() as client:
        keys = [client.create_api_key(f"{what}-{number}", "manager").secret for number in range(CALLERS + 1)]
    greedy = [Caller(str(key), span / (allowed * minutes * GREED)) for key in keys[1:]]
    modest = Caller(str(keys[0]), span / (allowed * minutes * 0.8))
    asyncio.run(_run(urls, [*greedy, modest], request, minutes))
    got = [caller.granted / (allowed * minutes) for caller in greedy]
    return {
        "limit_a_minute": CALLS if what == "calls" else ITEMS,
        "minutes": minutes,
        "asked_a_caller": round(sum(caller.granted + caller.refused for caller in greedy) / CALLERS),
        "least_share_of_limit": round(min(got), 4),
        "greatest_share_of_limit": round(max(got), 4),
        "within_2_percent": all(abs(one - 1) <= 0.02 for one in got),
        "modest_caller_refused": modest.refused,
        "other_answers": sorted({status for caller in [*greedy, modest] for status in caller.odd}),
    }


def main() -> int:
    """Measure, print, and say by the exit status whether every caller got its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one minute each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--encoders", type=Path, default=Path(".winnow/encoders"), help="exported encoders")
    chosen = parser.parse_args()
    minutes = 1 if chosen.quick else 3
    found: dict[str, Any] = about(0)
    with tempfile.TemporaryDirectory(prefix="winnow-limits-") as folder:
        limits = {"WINNOW_RATE_READS": str(CALLS), "WINNOW_RATE_ITEMS": str(ITEMS)}
        with Stack(Path(folder), chosen.encoders, settings=limits, processes=PROCESSES) as stack:
            urls = [f"http://127.0.0.1:{port}" for port in stack.api_ports]
            with stack.client() as client:
                client.create_project("Limits", categories=["A", "B"])
            for what in ("calls", "items"):
                found[what] = _measure(stack, urls, what, minutes)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0 if found["calls"]["within_2_percent"] and found["items"]["within_2_percent"] else 1


if __name__ == "__main__":
    sys.exit(main())
