"""Texts that a user names for a probe.

Settings name a text by its path and by the hash of its content, so that no other text is taken for it later; where the
hash is left out it is not checked. This module knows no probe.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tilelli.data.corpus import Corpus, read
from tilelli.errors import InputError

HASH = "_sha256"  # what the setting is called that holds the hash, after the name of the one that holds the path


def text(path: str, sha256: str | None = None) -> Corpus:
    """The documents of a text.

    Raises:
        DataError: nothing is there, or there is no text in it.
        InputError: it is not the text that was measured before.
    """
    found = read(path)
    if sha256 is not None and found.sha256 != sha256:
        seen = f"{path} is {found.sha256[:12]} and was {sha256[:12]}"
        raise InputError("The text has changed", seen, "Measure it anew, or name the text as it was.")
    return found


def of_settings(settings: Mapping[str, Any]) -> Corpus | None:
    """The text that the settings of a probe name as `text` and `text_sha256`; None where they name none."""
    return None if settings["text"] is None else text(settings["text"], settings["text_sha256"])


def named(paths: Mapping[str, str | None]) -> dict[str, str]:
    """What settings say of texts, each by the name of its setting; one that is None is left out.

    Raises:
        DataError: one is not there, or there is no text in it.
    """
    found = dict[str, str]()
    for name, path in paths.items():
        if path is not None:
            found |= {name: path, f"{name}{HASH}": text(path).sha256}
    return found


def told(corpus: Corpus) -> dict[str, Any]:
    """What provenance says of a text."""
    return {"documents": len(corpus.documents), "bytes": corpus.bytes, "sha256": corpus.sha256}


def first_of(documents: Sequence[bytes], count: int, least: int, size: int, seed: int) -> list[bytes]:
    """At most `count` documents of at least `least` bytes, drawn with `seed` and left in their order.

    Where there are fewer, as in a book that is one document, they are cut into pieces of `size` bytes first.
    """
    long = [document for document in documents if len(document) >= least]
    if len(long) < count:
        long = [piece for piece in pieces(long, size) if len(piece) >= least]
    numbers = sorted(Random(seed).sample(range(len(long)), min(count, len(long))))
    return [long[number] for number in numbers]


def pieces(documents: Sequence[bytes], size: int) -> list[bytes]:
    """The documents, cut into pieces of `size` bytes; the last of each may be shorter."""
    return [document[start : start + size] for document in documents for start in range(0, len(document), size)]
