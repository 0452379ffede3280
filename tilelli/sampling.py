"""What writing means, whatever engine does it: how bytes are chosen, what is told of each, where a text ends.

Every engine takes a `Sampling` and gives a stream of `Written`. Nothing here computes with a model, and nothing imports
torch: the NumPy engine starts without it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tilelli.config import Settings, between
from tilelli.tokenizer import VOCABULARY, ByteTokenizer

ALTERNATIVES = 6  # bytes shown beside the one that was written


@dataclass(frozen=True)
class Sampling(Settings):
    """How bytes are chosen.

    Attributes:
        max_new: bytes to write at most.
        temperature: divides the logits; 0 always takes the likeliest byte (greedy).
        top_k: keep only the likeliest this many bytes; 0 keeps all.
        top_p: keep the likeliest bytes that together reach this probability.
        seed: the same seed, settings and text give the same bytes, whatever engine writes them.
        stop: strings that end the text; they are not part of the result.
        stop_at_end: end at the end-of-document byte, which is not part of the result either.
    """

    max_new: int = field(default=128, metadata=between(0, 10_000_000))
    temperature: float = field(default=0.8, metadata=between(0, 100))
    top_k: int = field(default=0, metadata=between(0, VOCABULARY))
    top_p: float = field(default=1.0, metadata=between(0, 1))
    seed: int = field(default=0, metadata=between(0, 2**63 - 1))
    stop: tuple[str, ...] = ()
    stop_at_end: bool = True


class Written(NamedTuple):
    """One byte of a continuation; a tuple, since an engine makes thousands a second.

    Attributes:
        byte: 0..255.
        probability: what the model gave it, before temperature and cuts.
        entropy: of the model's distribution at this place, in bits; 0 is certain, 8 knows nothing.
        alternatives: the likeliest bytes here with their probabilities, likeliest first; the byte itself may be one.
        pathways: the router's weights where this byte was predicted, mean over the blocks; empty for vanilla models.
        abstain: what the abstain head read where this byte was predicted, or what the gate goes by, see
            `tilelli.chat.reply`; None without a head.
    """

    byte: int
    probability: float
    entropy: float
    alternatives: Sequence[tuple[int, float]] = ()
    pathways: tuple[float, ...] = ()
    abstain: float | None = None


def window_start(length: int, context: int) -> int:
    """Where the window on a text of `length` bytes begins: 0 while it fits, then in strides of half a context."""
    stride = max(1, context // 2)
    return max(0, math.ceil((length - context) / stride)) * stride


def until(texts: tuple[str, ...], written: Iterator[Written]) -> Iterator[Written]:
    """Pass bytes on up to one of the stop strings, holding back those that may turn out to be the beginning of one."""
    return _until([ByteTokenizer().encode(text) for text in texts if text], written) if texts else written


def _until(stops: list[list[int]], written: Iterator[Written]) -> Iterator[Written]:
    held: list[Written] = []
    for step in written:
        held.append(step)
        ending = [w.byte for w in held]
        if any(ending[-len(stop) :] == stop for stop in stops):
            cut = max(len(stop) for stop in stops if ending[-len(stop) :] == stop)
            yield from held[:-cut]
            return
        possible = max((n for stop in stops for n in range(1, len(stop)) if ending[-n:] == stop[:n]), default=0)
        free = len(held) - possible
        yield from held[:free]
        held = held[free:]
    yield from held
