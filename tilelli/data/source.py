"""Where text comes from: a set on the hub, or files on this disk, compressed or not, all through `datasets`.

A source is a few parts in a fixed order: its files, or the one set. A part gives the raw bytes of one row after the
other and can say and be told where among them it stands. Which rows are documents is not this module's business.
"""

import glob
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tilelli.errors import DataError, InputError, TilelliError
from tilelli.hub import online

HUB = "hub:"
ON_HUB = re.compile(
    r"hub:(?P<repository>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>[^:]+))?(:(?P<config>[^:]+))?(:(?P<split>.+))?"
)
FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".txt": "text", ".md": "text", ".log": "text"}
COMPRESSED = {".xz", ".gz", ".bz2", ".zst"}
State = dict[str, Any]


class Part(Protocol):
    """Raw rows, None where a row holds no text; after `load_state_dict` those that follow the one of that state."""

    def __iter__(self) -> Iterator[bytes | None]: ...
    def state_dict(self) -> State: ...
    def load_state_dict(self, state: State) -> None: ...


@dataclass(frozen=True)
class Source:
    """One version of a text.

    Attributes:
        name: `hub:OWNER/NAME`, or the path.
        parts: files in order; for the hub, the name of the repository.
        revision: the hub's commit, or a digest of the names and lengths of the files.
        text_field: the column that holds the text.
        config: which part of a set on the hub; None for its only one.
        split: of a set on the hub.
    """

    name: str
    parts: tuple[str, ...]
    revision: str
    text_field: str = "text"
    config: str | None = None
    split: str | None = None

    def facts(self) -> dict[str, Any]:
        """What tells this text from another one, without a path of this disk."""
        name = self.name if self.split else Path(self.name).name
        told = {"source": name, "config": self.config, "split": self.split, "revision": self.revision}
        return {key: value for key, value in told.items() if value} | {"text_field": self.text_field}

    def open(self, part: str, rank: int = 0, size: int = 1) -> Part:
        """The rows of a part that are the share of process `rank` of `size`.

        A set of many files is shared file by file, so that each process reads only its own; a file row by row.
        """
        kind = None if self.split else _format(Path(part)) or "text"
        if kind == "text":
            return _TextFile(part, mine=rank == 0)
        import datasets
        from datasets.distributed import split_dataset_by_node

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # it would say at length what `in_one_line` says
        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # it would tell a server of every local file, or wait for it
        which: dict[str, Any] = {"split": "train", "data_files": glob.escape(part)}
        if kind is None:
            which = {"name": self.config, "split": self.split, "revision": self.revision}
        rows = datasets.load_dataset(kind or part, **which, streaming=True).with_format("arrow")
        if size > 1:
            strategy = "shards" if rows.num_shards >= size else "examples"
            rows = split_dataset_by_node(rows, rank, size, strategy=strategy)
        return _Rows(rows, part, self.text_field)

    @contextmanager
    def in_one_line(self, part: str) -> Iterator[None]:
        """Whatever goes wrong with a part, and `datasets` raises many kinds, is a `DataError` of one line."""
        try:
            yield
        except TilelliError:
            raise
        except Exception as error:
            seen = f"{part} ({_cause(error)})"
            if self.split:
                raise DataError("The hub did not give the text", seen, "Check its name, config and split.") from error
            raise DataError("The text cannot be read", seen, "Check that the file is whole.") from error


def find(name: str, config: str | None = None, split: str | None = None, text_field: str = "text") -> Source:
    """The text called `name`, as it is now.

    Args:
        name: a file; a folder, of which every known file is read; or `hub:OWNER/NAME[@REVISION][:CONFIG[:SPLIT]]`.
            Files are `.jsonl`, `.parquet` (one document a row) or anything else (one document a file); each may be
            compressed with xz, gzip, bzip2 or zstd.
        config: in place of the one in `name`.
        split: in place of the one in `name`; `train` if there is none.
        text_field: the column that holds the text.

    Raises:
        DataError: there is no such text, or the hub cannot be reached.
        InputError: `name` is no name on the hub, or a file is asked for its split.
    """
    if name.startswith(HUB):
        return _on_hub(name, config, split, text_field)
    if config or split:
        raise InputError("Only sets on the hub have a config or a split", name, "Leave them out, or name a hub: set.")
    path = Path(name)
    inside = path.rglob("*") if path.is_dir() else ()
    files = [path] if path.is_file() else sorted(file for file in inside if file.is_file() and _format(file))
    if not files:
        raise DataError("There is no text to read", name, "Give a text, JSONL or Parquet file, or a folder of them.")
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
    return Source(name, tuple(map(str, files)), digest.hexdigest()[:16], text_field)


def _on_hub(name: str, config: str | None, split: str | None, text_field: str) -> Source:
    named = ON_HUB.fullmatch(name)
    if not named:
        raise InputError("There is no such set on the hub", name, "Write hub:OWNER/NAME, or hub:OWNER/NAME:CONFIG.")
    if not online():
        remedy = "Give text on this disk, or try again with a network."
        raise DataError("The hub cannot be reached", name, remedy)
    from huggingface_hub import HfApi

    repository, revision = named["repository"], named["revision"]
    whole = (config or named["config"], split or named["split"] or "train")
    source = Source(HUB + repository, (repository,), revision or "", text_field, *whole)
    with source.in_one_line(repository):
        latest = HfApi().dataset_info(repository, revision=revision, timeout=10).sha
    return Source(source.name, source.parts, latest or source.revision, text_field, *whole)


class _TextFile:
    """A file that is one document as it stands; the library's own reader would turn \\r\\n into \\n."""

    def __init__(self, path: str, mine: bool) -> None:
        self._path, self._read = path, not mine

    def __iter__(self) -> Iterator[bytes | None]:
        import fsspec

        if not self._read:
            self._read = True
            with fsspec.filesystem("file").open(self._path, "rb", compression="infer") as file:
                content: bytes = file.read()
            yield content

    def state_dict(self) -> State:
        return {"read": self._read}

    def load_state_dict(self, state: State) -> None:
        self._read = state["read"]


class _Rows:
    """Rows of an `IterableDataset`. They come as Arrow, since one text that is not UTF-8 would end the iteration."""

    def __init__(self, rows: Any, where: str, text_field: str) -> None:
        self._rows, self._where, self._field = rows, where, text_field

    def __iter__(self) -> Iterator[bytes | None]:
        for table in self._rows:
            if self._field not in table.column_names:
                seen = f"{self._where} has {', '.join(table.column_names)}"
                raise DataError(f"There is no column {self._field!r}", seen, "Name the right one with --text-field.")
            yield _raw(table.column(self._field)[0])

    def state_dict(self) -> State:
        state: State = self._rows.state_dict()
        return state

    def load_state_dict(self, state: State) -> None:
        self._rows.load_state_dict(state)


def _raw(cell: Any) -> bytes | None:
    if hasattr(cell, "as_buffer"):
        buffer = cell.as_buffer()
        return None if buffer is None else bytes(buffer)
    value = cell.as_py()
    if value is not None and str(cell.type) == "extension<arrow.json>":  # a column of mixed kinds
        value = json.loads(value)
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None


def _format(file: Path) -> str | None:
    """Builder of `datasets` for this file, None if the suffix says nothing."""
    suffixes = [s for s in file.suffixes if s not in COMPRESSED]
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _cause(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())[:160]
