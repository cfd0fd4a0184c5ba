"""What a process needs for its work: made once, shared by its threads."""

import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from models.artifacts import Artifacts, artifacts_of
from models.bounded import Bounded
from models.heads import HeadCache
from models.learn.encoders import Encoder, load_encoder
from models.learn.windows import windowed
from models.pool.vectors import PoolStore
from models.readers import HalfRead
from models.remembered import Remembered
from models.settings import Settings
from models.store.session import Database

if TYPE_CHECKING:
    from models.at_hand import Ready
    from models.learn.encoders import EncoderRuntime
    from models.learn.weights import Precision

_PROJECTS_AT_HAND = 64


class Runtime:
    """A process's tools. The encoder is loaded when it is first wanted.

    Args:
        settings: what the operator chose.
        database: the way to the store.
        encoder: one that is loaded already, to be used instead of the settings' own.
        watch: put around the encoder, whichever it is, e.g. to count its calls.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        encoder: Encoder | None = None,
        *,
        watch: Callable[[Encoder], Encoder] = lambda encoder: encoder,
    ) -> None:
        self.settings = settings
        self.database = database
        self.pools = PoolStore(settings.data_dir / "pool")
        self.remembered = Remembered(database)
        self.at_hand: Bounded[tuple[str, int | None], Ready] = Bounded(_PROJECTS_AT_HAND)
        self.half_read = HalfRead()
        self._encoder = None if encoder is None else watch(encoder)
        self._watch = watch
        self._lock = threading.Lock()

    @property
    def encoder(self) -> Encoder:
        """The encoder of the settings."""
        with self._lock:
            if self._encoder is None:
                loaded = load_encoder(
                    self.settings.encoder,
                    runtime=cast("EncoderRuntime", self.settings.encoder_runtime),
                    precision=cast("Precision", self.settings.encoder_precision),
                    cache_dir=self.settings.data_dir / "encoders",
                    threads=self.settings.threads,
                )
                self._encoder = self._watch(windowed(loaded, self.settings.encoder_windows))
            return self._encoder

    @property
    def encoder_is_loaded(self) -> bool:
        """Whether the first use is over."""
        return self._encoder is not None

    @cached_property
    def artifacts(self) -> Artifacts:
        """The files that are shared with other processes."""
        return artifacts_of(self.settings)

    @cached_property
    def heads(self) -> HeadCache:
        """The heads of the versions, loaded when first asked."""
        return HeadCache(self.artifacts.root, lambda: self.encoder)
