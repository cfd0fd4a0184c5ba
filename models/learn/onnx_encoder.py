"""An exported encoder on onnxruntime."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from tokenizers import Tokenizer

from models.errors import Unavailable
from models.learn.huge_pages import use_huge_pages
from models.learn.text import cut, encodable
from models.learn.weights import digest_of_file

MANIFEST: Final = "encoder.json"
GRAPH: Final = "encoder.onnx"
TOKENIZER: Final = "tokenizer.json"

BATCH: Final = 8  # more at once are padded to the longest of more, which costs more than a pass of its own
CHARACTERS_PER_TOKEN: Final = 64

_TOKENS_AT_ONCE = 256
_SPIN_MICROSECONDS = "20"
_UNUSED = re.compile(r"\[unused\d+\]")


class Manifest(BaseModel):
    """What an exported encoder says of itself; kept beside the graph.

    Attributes:
        id: the encoder's id.
        dimensions: numbers a vector.
        max_tokens: what lies behind this many tokens is not seen.
        pad_id: token that fills short rows of a batch.
        prompt: words that this encoder wants before every text; mostly none.
        alone: each text is run by itself, since the texts beside it would change its vector.
        graph_sha256: of the graph file, checked at every load.
        tokenizer_sha256: of the tokenizer file, checked at every load.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    dimensions: int
    max_tokens: int
    pad_id: int
    prompt: str
    alone: bool = False
    graph_sha256: str
    tokenizer_sha256: str

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest of a folder.

        Raises:
            Unavailable: it is missing or malformed.
        """
        try:
            return cls.model_validate_json((folder / MANIFEST).read_bytes())
        except (OSError, ValidationError) as error:
            raise _broken(folder, "its manifest cannot be read") from error

    def write(self, folder: Path) -> None:
        """Write the manifest; last of all files, for with it the folder counts as complete."""
        (folder / MANIFEST).write_text(json.dumps(self.model_dump(), indent=1, sort_keys=True) + "\n")


class OnnxEncoder:
    """Texts to vectors without PyTorch.

    Attributes:
        id: see `models.learn.encoders.Encoder`.
        dimensions: numbers a vector.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        manifest = Manifest.read(folder)
        for name, expected in (
            (GRAPH, manifest.graph_sha256),
            (TOKENIZER, manifest.tokenizer_sha256),
        ):
            if digest_of_file(folder / name) != expected:
                raise _broken(folder, f"{name} is not the file that was exported")
        self.id = manifest.id
        self.dimensions = manifest.dimensions
        self._prompt = manifest.prompt
        self._pad = manifest.pad_id
        self._batch = 1 if manifest.alone else BATCH
        self._limit = manifest.max_tokens * CHARACTERS_PER_TOKEN
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._uncut = Tokenizer.from_str(self._tokenizer.to_str())
        self._uncut.no_truncation()
        self._window = manifest.max_tokens - len(self._uncut.encode(self._prompt).ids)
        self._tokenizer.enable_truncation(manifest.max_tokens)
        self._session = onnxruntime.InferenceSession(
            folder / GRAPH, _options(threads), providers=["CPUExecutionProvider"]
        )
        use_huge_pages()

    @staticmethod
    def is_there(folder: Path) -> bool:
        """Whether a folder holds a completed export."""
        return (folder / MANIFEST).is_file()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts; equal ones only once, and those of like length together, for padding costs the most.

        Args:
            texts: any number, of any length; beyond the encoder's last token nothing is seen.

        Returns:
            Shape (n, dimensions), in the order of `texts`, each row of length 1.
        """
        if len(texts) == 1:  # what programs ask for most, without what several texts need
            return self._run([self._tokenizer.encode(self._prompt + encodable(texts[0], self._limit)).ids])
        rows: dict[str, int] = {}
        order = [rows.setdefault(encodable(text, self._limit), len(rows)) for text in texts]
        vectors = np.empty((len(rows), self.dimensions), dtype=np.float32)
        tokens = [found.ids for found in self._tokenizer.encode_batch([self._prompt + text for text in rows])]
        by_length = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        for start in range(0, len(by_length), self._batch):
            batch = by_length[start : start + self._batch]
            vectors[batch] = self._run([tokens[row] for row in batch])
        return vectors[order]

    def pieces(self, text: str, most: int) -> list[str]:
        """The text cut where the window ends; at least one piece and at most `most`."""
        if len(text) <= self._window:  # no token is shorter than a character
            return [text]
        whole = encodable(text, self._limit * most)
        return cut(whole, self._uncut.encode(whole, add_special_tokens=False).offsets, self._window)[:most]

    def encode_tokens(self) -> NDArray[np.float32]:
        """What the encoder says of each token of its vocabulary alone.

        Returns:
            Shape (size of the vocabulary, dimensions), by id; rows of special tokens and of unused ids are 0.
        """
        example = self._tokenizer.encode("a")
        inside = [place for place, special in enumerate(example.special_tokens_mask) if not special]
        before, behind = example.ids[: inside[0]], example.ids[inside[-1] + 1 :]
        special = {one for one, token in self._tokenizer.get_added_tokens_decoder().items() if token.special}
        names = {one: name for name, one in self._tokenizer.get_vocab().items()}
        wanted = [one for one, name in names.items() if one not in special and not _UNUSED.fullmatch(name)]
        vectors = np.zeros((max(names) + 1, self.dimensions), np.float32)
        for start in range(0, len(wanted), _TOKENS_AT_ONCE):
            batch = wanted[start : start + _TOKENS_AT_ONCE]
            vectors[batch] = self._run([[*before, one, *behind] for one in batch])
        return vectors

    def _run(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        longest = max(map(len, tokens))
        ids = np.full((len(tokens), longest), self._pad, dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.int64)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        vectors: NDArray[np.float32] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return vectors


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Between the steps of a pass threads spin for a moment, since to wake one takes as long as a step. Without a bound
    # they would go on after the pass, and take the processor from the database and the other workers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
    return options


def _broken(folder: Path, what: str) -> Unavailable:
    return Unavailable(f"The exported encoder in {folder} is broken: {what}. It must be exported again.")
