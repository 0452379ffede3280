"""Writing: from the distribution over the next byte to a stream of bytes.

Decoding is cached: each new byte is one step from the state before it. When the text outgrows the context the window
slides by half a context and what is left is read again at the first positions; where it stands depends on the length of
the text alone, so cached decoding and a full pass over the same window agree at every length. This module knows bytes
and logits; it knows nothing of chat templates or screens.
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.engine.writing import draw
from tilelli.interventions import Change
from tilelli.sampling import ALTERNATIVES, Sampling, Written, until, window_start
from tilelli.state import DecodeState
from tilelli.tokenizer import END_OF_DOCUMENT, VOCABULARY, check_bytes
from tilelli.trace import Recorder

__all__ = ["Sampling", "Written", "distribution", "stream", "window_start"]


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
    return until(s.stop, _written(model, text, s, should_stop, check_bytes(forced), interventions))


def _written(
    model: ByteLM,
    text: list[int],
    s: Sampling,
    should_stop: Callable[[], bool] | None,
    forced: list[int],
    interventions: Sequence[Change],
) -> Iterator[Written]:
    random = np.random.default_rng(s.seed)
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
            byte = draw(distribution(logits, s).numpy(), random)
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
