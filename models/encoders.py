"""The encoders of a process, and with which of them a project is read: all who want vectors ask here.

A version answers with the encoder that it was made with. Without one, the project is read with the encoder of the
settings; only while a large import still waits for that one's vectors, with the quick one that is distilled from it
(`ProjectRow.quick_encoder_id`, `models.steps.embed_quick`). So vectors of two encoders never meet.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from sqlalchemy.orm import Session

from models.learn.encoders import Encoder, load_encoder
from models.learn.static_encoder import static_id
from models.learn.windows import windowed
from models.settings import Settings
from models.store.queries.versions import encoder_name
from models.store.tables import EncoderRow, ProjectRow

if TYPE_CHECKING:
    from models.learn.encoders import EncoderRuntime
    from models.learn.weights import Precision


class Encoders:
    """Each is loaded when it is first wanted.

    Args:
        settings: what the operator chose.
        own: one that is loaded already, to be used instead of the settings' own; it has no quick one beside it but
            `quick`.
        watch: put around each encoder, e.g. to count its calls.
    """

    def __init__(
        self,
        settings: Settings,
        own: Encoder | None = None,
        quick: Encoder | None = None,
        *,
        watch: Callable[[Encoder], Encoder] = lambda encoder: encoder,
    ) -> None:
        self._settings = settings
        self._own = None if own is None else watch(own)
        self._quick = None if quick is None else watch(quick)
        self._distils = own is None and settings.encoder_runtime == "onnx"
        self._watch = watch
        self._own_lock, self._quick_lock = threading.Lock(), threading.Lock()

    @property
    def own(self) -> Encoder:
        """The encoder of the settings."""
        with self._own_lock:
            if self._own is None:
                loaded = self._load(self._settings.encoder_runtime)
                self._own = self._watch(windowed(loaded, self._settings.encoder_windows))
            return self._own

    @property
    def quick(self) -> Encoder | None:
        """The static encoder distilled from `own`; where it is not there yet, it is made in half a minute.

        None where there is none.

        Raises:
            Unavailable: it cannot be made or kept.
        """
        with self._quick_lock:
            if self._quick is None and self._distils:
                loaded = self._load("static")
                self._distils = loaded.id == static_id(self.own.id)
                self._quick = self._watch(loaded) if self._distils else None
            return self._quick

    @property
    def quick_id(self) -> str | None:
        """The id of `quick`, which is not made for this; None where there is none."""
        return static_id(self.own.id) if self._quick is not None or self._distils else None

    def named(self, encoder_id: str) -> Encoder | None:
        """The encoder of an id; None where this installation has it no more. Raises Unavailable as `quick` does."""
        if encoder_id == self.own.id:
            return self.own
        return self.quick if encoder_id == self.quick_id else None

    def now(self, session: Session, project: ProjectRow) -> Encoder:
        """What version 0 answers with and the next version learns on. Raises Unavailable as `quick` does."""
        if project.quick_encoder_id is None:
            return self.own
        return self.named(session.get_one(EncoderRow, project.quick_encoder_id).name) or self.own

    def of(self, session: Session, project: ProjectRow, number: int | None = None) -> Encoder:
        """What a version answers with, or the serving one where no number is given. Raises Unavailable as `quick` does.

        A version that was made with an encoder which is not here any more can answer nothing: then as `now`.
        """
        wanted = project.serving_number if number is None else number
        name = encoder_name(session, project.id, wanted) if wanted else None
        found = None if name is None else self.named(name)
        return found or self.now(session, project)

    def _load(self, runtime: str) -> Encoder:
        return load_encoder(
            self._settings.encoder,
            runtime=cast("EncoderRuntime", runtime),
            precision=cast("Precision", self._settings.encoder_precision),
            cache_dir=self._settings.data_dir / "encoders",
            threads=self._settings.threads,
        )
