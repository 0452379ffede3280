"""Documents: text files, JSONL or Parquet, compressed or not, through the `datasets` library.

A corpus is a list of documents, each a `bytes`. Held-out documents are chosen by a hash of their content, so the same
document always falls on the same side, whatever the order of the files. This module knows nothing of windows or models.
"""

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilelli.errors import DataError

FORMATS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".txt": "text", ".md": "text", ".log": "text"}
COMPRESSED = {".xz", ".gz", ".bz2", ".zst"}
FEWEST_BYTES = 2  # shorter documents teach nothing and are dropped
HELD_OUT_PER_MILLE = 10
ALONE_HELD_OUT = 0.1  # of a corpus that is a single document


@dataclass(frozen=True)
class Corpus:
    """Documents read from `source`, and how many were dropped as empty."""

    source: str
    documents: list[bytes]
    dropped: int

    @property
    def bytes(self) -> int:
        return sum(map(len, self.documents))

    @property
    def sha256(self) -> str:
        """Identity of the content: SHA-256 over length and bytes of each document, in order."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(len(document).to_bytes(8, "little") + document)
        return digest.hexdigest()


def read(path: str | Path, text_field: str = "text") -> Corpus:
    """Read a file, or every known file in a folder.

    Args:
        path: `.jsonl`, `.parquet` (one document a row, in `text_field`) or anything else (one document a file); each
            may be compressed with xz, gzip, bzip2 or zstd.
        text_field: the column that holds the text.

    Raises:
        DataError: nothing is there, the format is broken, the column is missing, or no document is left.
    """
    path = Path(path)
    inside = path.rglob("*") if path.is_dir() else ()
    files = [path] if path.is_file() else sorted(f for f in inside if f.is_file() and _format(f))
    if not files:
        raise DataError(
            "There is no text to read", str(path), "Give a text, JSONL or Parquet file, or a folder of them."
        )
    documents, dropped = [], 0
    for file in files:
        for text in _texts(file, text_field):
            document = text.encode("utf-8", errors="replace").replace(b"\0", b"") if isinstance(text, str) else b""
            if len(document.strip()) < FEWEST_BYTES:
                dropped += 1
            else:
                documents.append(document)
    if not documents:
        raise DataError("The text is empty", f"{path} ({dropped} documents dropped)", "Give a file with text in it.")
    return Corpus(str(path), documents, dropped)


def split(corpus: Corpus) -> tuple[list[bytes], list[bytes]]:
    """Training and held-out documents: 1 % by hash, or the last tenth of a corpus that is one document."""
    if len(corpus.documents) == 1:
        only = corpus.documents[0]
        cut = len(only) - max(1, int(len(only) * ALONE_HELD_OUT))
        return [only[:cut]], [only[cut:]]
    held = [d for d in corpus.documents if _is_held_out(d)] or corpus.documents[-1:]
    chosen = set(held)
    kept = [d for d in corpus.documents if d not in chosen]
    if not kept:
        raise DataError("No text is left to train on", f"{len(held)} documents, all held out", "Give more documents.")
    return kept, held


def _is_held_out(document: bytes) -> bool:
    return int.from_bytes(hashlib.blake2b(document, digest_size=8).digest(), "little") % 1000 < HELD_OUT_PER_MILLE


def _format(file: Path) -> str | None:
    """Builder of `datasets` for this file, None if the suffix says nothing."""
    suffixes = [s for s in file.suffixes if s not in COMPRESSED]
    return FORMATS.get(suffixes[-1]) if suffixes else None


def _texts(file: Path, text_field: str) -> Iterator[object]:
    import datasets
    import fsspec

    datasets.disable_progress_bars()
    kind = _format(file) or "text"
    try:
        if kind == "text":  # read as it stands: the library would turn \r\n into \n
            with fsspec.filesystem("file").open(str(file), "rb", compression="infer") as opened:
                yield opened.read().decode()
            return
        rows = datasets.load_dataset(kind, data_files=glob.escape(str(file)), split="train", streaming=True)
        for row in rows:
            if text_field not in row:
                seen = f"{file} has {', '.join(row)}"
                raise DataError(f"There is no column {text_field!r}", seen, "Name the right one with --text-field.")
            yield row[text_field]
    except DataError:
        raise
    except Exception as error:  # datasets raises many kinds, all of which mean that this file cannot be read
        cause = " ".join(str(error.__cause__ or error).split())[:160]
        raise DataError("The text cannot be read", f"{file} ({cause})", "Check that the file is whole.") from error
