"""Files that API and workers share: bundles, uploads and results, in a folder or on a store that all hosts reach.

A file is made in the folder of its process and then published; before that nobody else sees anything of it. In a
folder that all share that is nothing at all. On a store the file goes there whole and leaves the folder. Names are
relative to the artifacts, with slashes.
"""

from models.artifacts.folder import Artifacts, Place
from models.artifacts.stored import StoredArtifacts
from models.settings import Settings

__all__ = ["Artifacts", "Place", "artifacts_of"]


def artifacts_of(settings: Settings) -> Artifacts:
    """The artifacts, where the operator wants them.

    Raises:
        Unavailable: the package that reaches the store is not installed, or it refuses.
    """
    if not settings.artifacts_url:
        return Artifacts(settings.artifacts)
    return StoredArtifacts(settings.artifacts, settings.artifacts_url, settings.data_dir / "copies")
