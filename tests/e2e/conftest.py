"""What all tests of real processes share."""

from collections.abc import Iterator

import pytest

from tests.servers import free_port


@pytest.fixture(autouse=True, scope="session")
def ports_for_nobody_else() -> Iterator[None]:
    """Tests run side by side: a port that the system gives to one may be given to another before it is listened at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks._stack.free_port", free_port)
        yield
