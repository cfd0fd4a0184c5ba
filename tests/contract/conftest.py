"""The contract is tried on the same application as in `tests.api`, once on each database for all of a module."""

from collections.abc import Iterator

import pytest

from models.learn.encoders import Encoder
from models.store.schema import migrate
from models.store.session import Database
from tests.api.conftest import Winnow, build, make_project, module_winnow, settings_for
from tests.conftest import BACKENDS, postgresql_database


@pytest.fixture(scope="module", params=BACKENDS)
def winnow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str, encoder: Encoder
) -> Iterator[Winnow]:
    folder = tmp_path_factory.mktemp("contract")
    url = f"sqlite:///{folder / 'winnow.db'}"
    if request.param == "postgresql":
        url = postgresql_database(request.getfixturevalue("postgresql_server"))
    database = Database(url)
    migrate(database)
    database.close()
    for made in build(settings_for(folder / "data", url, redis_url), encoder):
        make_project(made)
        yield made


__all__ = ["module_winnow"]
