"""Writing: from the distribution over the next byte to a stream of bytes.

Decoding is cached: each new byte is one step from the state before it. When the text outgrows the context the window
slides by half a context and what is left is read again at the first positions; where it stands depends on the length of
the text alone, so cached decoding and a full pass over the same window agree at every length. This module knows bytes
and logits; it knows nothing of chat templates or screens.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.config import Settings, between
from tilelli.interventions import Change
from tilelli.state import DecodeState
from tilelli.tokenizer import END_OF_DOCUMENT, VOCABULARY, ByteTokenizer, check_bytes
from tilelli.trace import Recorder

ALTERNATIVES = 6  # bytes shown beside the one that was written


@dataclass(frozen=True)
class Sampling(Settings):
    """How bytes are chosen.

    Attributes:
        max_new: bytes to write at most.
        temperature: divides the logits; 0 always takes the likeliest byte (greedy).
        top_k: keep only the likeliest this many bytes; 0 keeps all.
        top_p: keep the likeliest bytes that together reach this probability.
        seed: the same seed, settings and text give the same bytes.
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


@dataclass(frozen=True)
class Written:
    """One byte of a continuation.

    Attributes:
        byte: 0..255.
        probability: what the model gave it, before temperature and cuts.
        entropy: of the model's distribution at this place, in bits; 0 is certain, 8 knows nothing.
        alternatives: the likeliest bytes here with their probabilities, likeliest first; the byte itself may be one.
        pathways: the router's weights where this byte was predicted, mean over the blocks; empty for vanilla models.
        abstain: what the abstain head read where this byte was predicted; None without a head.
    """

    byte: int
    probability: float
    entropy: float
    alternatives: tuple[tuple[int, float], ...] = ()
    pathways: tuple[float, ...] = ()
    abstain: float | None = None


def window_start(length: int, context: int) -> int:
    """Where the window on a text of `length` bytes begins: 0 while it fits, then in strides of half a context."""
    stride = max(1, context // 2)
    return max(0, math.ceil((length - context) / stride)) * stride


def stream(
    model: ByteLM,
    ids: Sequence[int],
    sampling: Sampling | None = None,
    should_stop: Callable[[], bool] | None = None,
    forced: Sequence[int] = (),
    interventions: Sequence[Change] = (),
) -> Iterator[Written]:
    """The continuation of `ids`, byte by byte.

    Args:
        model: any byte-level model; it is only read, and may serve other streams at the same time.
        ids: the prompt, ints in 0..255. An empty one starts a new document.
        sampling: how to choose; the defaults of `Sampling` if None.
        should_stop: asked before each byte; true ends the stream.
        forced: how the continuation begins, whatever the model would have written; it counts towards `max_new`.
        interventions: what is done to the router weights, in reading the prompt and in writing.

    Raises:
        InputError: an id is not a byte.
    """
    s = sampling or Sampling()
    text = check_bytes(ids) or [END_OF_DOCUMENT]
    return _released(
        _written(model, text, s, should_stop, check_bytes(forced), interventions),
        [ByteTokenizer().encode(stop) for stop in s.stop if stop],
    )


def _written(
    model: ByteLM,
    text: list[int],
    s: Sampling,
    should_stop: Callable[[], bool] | None,
    forced: list[int],
    interventions: Sequence[Change],
) -> Iterator[Written]:
    generator = torch.Generator().manual_seed(s.seed)
    state: DecodeState | None = None
    window = 0
    for place in range(s.max_new):
        if should_stop is not None and should_stop():
            return
        start = window_start(len(text), model.config.context)
        if start != window:
            state, window = None, start
        logits, state, seen = _advance(model, text[window + (state.position if state else 0) :], state, interventions)
        own = logits.softmax(dim=-1)
        if place < len(forced):
            byte = forced[place]
        elif s.temperature == 0:
            byte = int(logits.argmax())
        else:
            byte = int(torch.multinomial(distribution(logits, s), 1, generator=generator))
        if s.stop_at_end and byte == END_OF_DOCUMENT:
            return
        text.append(byte)
        yield Written(
            byte,
            probability=float(own[byte]),
            entropy=float(torch.special.entr(own).sum()) / math.log(2),
            alternatives=_likeliest(own),
            pathways=tuple(torch.stack([w[0, -1] for w in seen.router]).mean(dim=0).tolist()) if seen.router else (),
            abstain=None if seen.abstain is None else float(seen.abstain[0, -1].sigmoid()),
        )


@torch.no_grad()
def _advance(
    model: ByteLM, ids: list[int], state: DecodeState | None, interventions: Sequence[Change]
) -> tuple[Tensor, DecodeState, Recorder]:
    """Logits (256,) after `ids`, the state there, and what the blocks did."""
    seen = Recorder(attention=False)
    logits, state = model(torch.tensor([ids]), state, trace=seen, interventions=interventions)
    return logits[0, -1].cpu(), state, seen


def _likeliest(p: Tensor) -> tuple[tuple[int, float], ...]:
    values, bytes_ = p.topk(ALTERNATIVES)
    return tuple(zip(bytes_.tolist(), values.tolist(), strict=True))


def distribution(logits: Tensor, sampling: Sampling) -> Tensor:
    """Probabilities (256,) to draw the next byte from: temperature first, then top-k, then top-p.

    `logits` is (256,) and `sampling.temperature` above 0. At least one byte always remains.
    """
    scaled = (logits.double() - logits.max()) / sampling.temperature  # the largest is 0 however small the divisor
    if 0 < sampling.top_k < VOCABULARY:
        keep = scaled.topk(sampling.top_k).indices
        scaled = torch.full_like(scaled, -math.inf).scatter(0, keep, scaled[keep])
    p = scaled.softmax(dim=-1)
    if sampling.top_p < 1:
        ordered, index = p.sort(descending=True, stable=True)
        before = ordered.cumsum(0) - ordered  # probability of what is likelier than this byte
        p = p.scatter(0, index, torch.where((before < sampling.top_p) | (before == 0), ordered, 0.0))
    return p / p.sum()


def _released(written: Iterator[Written], stops: list[list[int]]) -> Iterator[Written]:
    """Pass bytes on, holding back those that may turn out to be the beginning of a stop string."""
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
