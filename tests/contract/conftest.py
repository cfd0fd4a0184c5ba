"""The contract is tried on the same application as in `tests.api`, once on each database for all of a module."""

from collections.abc import Iterator

import pytest

from models.learn.encoders import Encoder
from tests.api.conftest import Winnow, build, make_project, module_winnow, settings_for
from tests.conftest import BACKENDS, Templates


@pytest.fixture(scope="module", params=BACKENDS)
def winnow(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    templates: Templates,
    redis_url: str,
    encoder: Encoder,
) -> Iterator[Winnow]:
    folder = tmp_path_factory.mktemp("contract")
    if request.param == "postgresql":
        url = templates.created(request.getfixturevalue("postgresql_server"))
    else:
        url = templates.copied(folder / "winnow.db")
    for made in build(settings_for(folder / "data", url, redis_url), encoder):
        make_project(made)
        yield made


__all__ = ["module_winnow"]
