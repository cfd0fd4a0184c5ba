"""What is there when the API begins to serve is not searched for garbage again and again."""

import asyncio
import gc
import threading
import weakref

import uvicorn

from api.__main__ import _Server


class Loaded:
    """Something that a process keeps, and that knows itself."""

    def __init__(self) -> None:
        self.myself = self


async def app(*_: object) -> None:
    """Answers nobody."""


def test_what_was_loaded_before_the_first_request_is_looked_through_no_more() -> None:
    kept, dropped = Loaded(), weakref.ref(Loaded())
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None)
    config.load()
    server = _Server(config, threading.Event(), 0)
    server.lifespan = config.lifespan_class(config)

    async def start() -> None:
        await server.startup()
        await server.shutdown()

    before = gc.get_freeze_count()
    try:
        asyncio.run(start())
        assert gc.get_freeze_count() > before
        assert not any(one is kept for one in gc.get_objects()), "it is still looked through"
        assert dropped() is None, "what was garbage by then would stay for ever"
    finally:
        gc.unfreeze()
