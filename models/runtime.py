"""What a process needs for its work: made once, shared by its threads."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from models.artifacts import Artifacts, artifacts_of
from models.bounded import Bounded
from models.encoders import Encoders
from models.heads import HeadCache
from models.learn.encoders import Encoder
from models.pool.vectors import PoolStore
from models.readers import HalfRead
from models.remembered import Remembered
from models.settings import Settings
from models.store.session import Database

if TYPE_CHECKING:
    from models.at_hand import Ready

_PROJECTS_AT_HAND = 64


class Runtime:
    """A process's tools. An encoder is loaded when it is first wanted.

    Args:
        settings: what the operator chose.
        database: the way to the store.
        encoder, quick, watch: see `models.encoders.Encoders`.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        encoder: Encoder | None = None,
        *,
        quick: Encoder | None = None,
        watch: Callable[[Encoder], Encoder] = lambda encoder: encoder,
    ) -> None:
        self.settings = settings
        self.database = database
        self.pools = PoolStore(settings.data_dir / "pool")
        self.remembered = Remembered(database)
        self.at_hand: Bounded[tuple[str, int | None], Ready] = Bounded(_PROJECTS_AT_HAND)
        self.half_read = HalfRead()
        self.encoders = Encoders(settings, encoder, quick, watch=watch)

    @property
    def encoder(self) -> Encoder:
        """The encoder of the settings."""
        return self.encoders.own

    @cached_property
    def artifacts(self) -> Artifacts:
        """The files that are shared with other processes."""
        return artifacts_of(self.settings)

    @cached_property
    def heads(self) -> HeadCache:
        """The heads of the versions, loaded when first asked."""
        return HeadCache(self.artifacts.root, self.encoders)
