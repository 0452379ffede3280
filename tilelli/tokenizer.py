"""Text to bytes and back: the whole tokenizer.

A byte-level model reads and writes raw UTF-8 bytes, so token `i` is byte `i` and the vocabulary has 256 entries.
Nothing can be out of vocabulary; the only care needed is on the way out, where a character may span several bytes.
This module knows nothing of models.
"""

import codecs
from collections.abc import Iterable

from tilelli.errors import InputError

VOCABULARY = 256
END_OF_DOCUMENT = 0  # NUL: legal in no text file, so it can separate documents in the training stream


class ByteTokenizer:
    """The identity on bytes: `encode("hello")` is `[104, 101, 108, 108, 111]`."""

    vocab_size = VOCABULARY

    def encode(self, text: str | bytes) -> list[int]:
        """UTF-8 bytes of `text` as ints in 0..255. Lone surrogates become U+FFFD rather than an error."""
        if isinstance(text, str):
            text = text.encode("utf-8", errors="surrogatepass").decode("utf-8", errors="replace").encode("utf-8")
        return list(text)

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """Text of `ids` (ints in 0..255, or a 1-D tensor). `errors` is that of `bytes.decode`."""
        return bytes(int(i) for i in ids).decode("utf-8", errors=errors)


def check_bytes(ids: Iterable[int]) -> list[int]:
    """`ids` as a list, if every one is a byte; else an InputError that says which is not."""
    values = [int(i) for i in ids]
    for place, value in enumerate(values):
        if not 0 <= value < VOCABULARY:
            raise InputError("An id is not a byte", f"{value} at place {place}", "Encode text with ByteTokenizer.")
    return values


class IncrementalDecoder:
    """Turns a stream of bytes into a stream of text in which every character appears once, whole.

    A byte that could still become a character is held back; `flush` gives what is left (U+FFFD for a broken tail).
    """

    def __init__(self, errors: str = "replace") -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors)

    def push(self, byte: int) -> str:
        """Text that became complete with this byte; often one character, sometimes none."""
        return self._decoder.decode(bytes((byte,)))

    def flush(self) -> str:
        """Text of the bytes still held back."""
        return self._decoder.decode(b"", final=True)
