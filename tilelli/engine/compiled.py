"""The compiled engine: a byte goes through the whole model in one call of machine code, without torch.

What is computed stands in `kernels.py`, how it is compiled in `compiler.py`. Here it is called: with a checkpoint as
arrays (`arrays.py`), and with the memory of one conversation or of several (`memory.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.engine.arrays import Compiled, own, shaped, thresholds
from tilelli.engine.choosing import Rules, Told
from tilelli.engine.compiler import MACHINE
from tilelli.engine.helpers import board, team
from tilelli.engine.memory import State, claimed
from tilelli.engine.products import Array
from tilelli.engine.writing import Reading, Text, write_together
from tilelli.errors import InputError
from tilelli.header import SPLICE, check_tensors, read_header
from tilelli.interventions import Intervention
from tilelli.layout import shapes
from tilelli.packed import weights
from tilelli.sampling import ALTERNATIVES, Sampling, Written, until
from tilelli.tokenizer import END_OF_DOCUMENT, VOCABULARY, check_bytes

MOST = 16  # bytes written in one call: enough to spare Python, few enough that nobody waits
PIECE = 32  # bytes read in one call: few enough for what is in between to stay in cache


def load(name: str | Path, threads: int = 1, interventions: Sequence[Intervention] = ()) -> Compiled:
    """The model in a packed or an ordinary checkpoint; `threads` share the products of one byte, and give the same.

    Of the interventions only `skip` can be done: what it leaves out is not computed.

    Raises:
        CheckpointError: as for any checkpoint.
        InputError: it is a splice, or an intervention cannot be done.
    """
    if SPLICE in str(name):
        raise InputError(
            "The compiled engine makes no splices", str(name)[:80], "Pack it first, or use --engine torch."
        )
    check_tensors(header := read_header(name))
    below = thresholds(header.config, interventions)
    model = shaped(header.config, weights(header))
    return replace(model, weights=model.weights._replace(thresholds=below), threads=threads)


def stream(model: Compiled, ids: Sequence[int], sampling: Sampling | None = None) -> Iterator[Written]:
    """The continuation of `ids`, byte by byte; see `tilelli.generation.stream`. Waits until there is machine code."""
    sampling = sampling or Sampling()
    return until(sampling.stop, written(model, Text[State](model.config.context, ids, sampling)))


def written(model: Compiled, text: Text[State]) -> Iterator[Written]:
    """A text as it goes on, its stop strings not looked for: the first byte alone, then more and more at once."""
    most = 1
    while text.left:
        new, state = text.next()
        if state is None or len(new) > 1:
            step = text.took(*read(model, new, state))
            if step is not None:
                yield step
            continue
        number = min(most, text.left, model.config.context - state.position)
        yield from _said(model, text, new[0], state, number)
        most = min(2 * most, MOST)


def _said(model: Compiled, text: Text[State], byte: int, state: State, number: int) -> Iterator[Written]:
    """Up to `number` bytes in one call, the first after `byte`, which has not been read yet."""
    ids, told, room = np.full(number + 1, byte, np.uint8), _silent(number), _room(model.config, number, 1)
    (after,), random, s = claimed(model.config, [state], [number]), text.random(number), text.sampling
    rules = Rules(float(s.temperature), s.top_k, float(s.top_p), END_OF_DOCUMENT if s.stop_at_end else -1)
    places = after.store.places(state.position, after.position)
    with _board(model, after) as jobs:
        run = MACHINE.code().run
        found: int = run(model.weights, model.numbers, jobs, ids, places, *room, rules, random, told)
    done = found if found >= 0 else -1 - found
    after.store.leave(state.position + done)
    text.went_on(ids[1 : done + 1].tolist(), State(state.position + done, after.store), ended=0 <= found < number)
    yield from _each_told(ids[1 : done + 1], told, *(array[:done] for array in room[1:]))
    if found < 0:
        text.took(*read(model, *text.next()))  # says what is wrong


def _each_told(ids: Array, told: Told, pathways: Array, abstain: Array) -> Iterator[Written]:
    """What is told of bytes (N,) that have been written."""
    mixed: list[list[float]] = pathways.mean(axis=1).tolist() if pathways.shape[1] else []
    chances: list[float] = (0.5 + 0.5 * np.tanh(abstain.astype(np.float64) / 2)).tolist()  # the logistic function
    figures = [array.tolist() for array in told]
    for place, byte in enumerate(ids.tolist()):
        probability, entropy, others, likely = (figure[place] for figure in figures)
        shares, abstains = tuple(mixed[place]) if mixed else (), chances[place] if chances else None
        yield Written(byte, probability, entropy, tuple(zip(others, likely, strict=True)), shares, abstains)


def _board(model: Compiled, state: State) -> AbstractContextManager[Array]:
    """On which the products of one call are dealt out."""
    alone = state.store.board
    return team(model.threads).lent(alone) if model.threads > 1 else nullcontext(alone)


def _room(c: ModelConfig, T: int, logits: int) -> tuple[Array, Array, Array]:
    """What is filled in of T bytes: the last logits or all, router weights, logits of the head."""
    routed = c.n_blocks if c.kind == "routed" else 0
    sizes = (logits, VOCABULARY), (T, routed, len(PATHWAYS)), (T if c.abstain else 0)
    one, two, three = (np.empty(size, np.float32) for size in sizes)
    return one, two, three


def _silent(number: int) -> Told:
    """What is told of so many bytes that are written."""
    others = np.zeros((number, ALTERNATIVES), np.int64)
    return Told(np.zeros(number), np.zeros(number), others, np.zeros((number, ALTERNATIVES)))


SILENT = Rules(1.0, 0, 1.0, -1), np.empty(0), _silent(0)  # nothing is to be written


def stream_together(model: Compiled, texts: Sequence[tuple[Sequence[int], Sampling]]) -> Iterator[tuple[int, Written]]:
    """Several continuations at once, which share every reading of the weights; see `writing.write_together`."""
    return write_together(lambda turns: read_together(model, turns), model.config.context, texts)


def read(model: Compiled, ids: Sequence[int], state: State | None = None) -> tuple[Reading, State]:
    """What the model makes of each of `ids` after what `state` remembers, and what to remember then.

    Raises:
        InputError: the text would run past the context, an id is not a byte, or there is no machine code.
    """
    return read_together(model, [(ids, state)])[0]


def read_together(model: Compiled, turns: Sequence[tuple[Sequence[int], State | None]]) -> list[tuple[Reading, State]]:
    """The same for several conversations at once, which share every reading of the weights.

    Raises:
        InputError: as for one.
    """
    run, c = MACHINE.code().run, model.config
    text = np.concatenate([np.array(check_bytes(ids), np.uint8) for ids, _ in turns])
    sizes = [len(ids) for ids, _ in turns]
    states = claimed(c, [state for _, state in turns], sizes)
    places = np.concatenate([s.store.places(s.position - n, s.position) for s, n in zip(states, sizes, strict=True)])
    logits, pathways, abstain = _room(c, len(text), len(text))
    with _board(model, states[0]) as jobs:
        for first in range(0, len(text), PIECE):
            piece = slice(first, first + PIECE)
            told = (logits[piece], pathways[piece], abstain[piece])
            run(model.weights, model.numbers, jobs, text[piece], places[piece], *told, *SILENT)
    ends = np.cumsum(sizes).tolist()
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [
        (Reading(logits[at], list(pathways[at].swapaxes(0, 1)), abstain[at] if c.abstain else None), state)
        for at, state in zip(parts, states, strict=True)
    ]


def rehearsal() -> Iterator[tuple[tuple[Any, ...], tuple[Array, ...], float]]:
    """Tiny models that between them use every kernel: the arguments of `kernels.run`, those that it fills in, and how
    far from one another results may be. Where activations are rounded, one may come out a step higher or lower."""
    base = ModelConfig(d_model=9, n_blocks=2, n_heads=2, head_dim=5, top_k=2, kernel_size=3, expand=2, context=8)
    whole_numbers = replace(base, ternary=PATHWAYS, activation_bits=8)
    for c in (replace(base, through_local=True, abstain=True), base.twin("vanilla"), whole_numbers):
        chance = np.random.default_rng(0)
        model = shaped(c, {name: own(chance.normal(0, 0.3, shape)) for name, shape in shapes(c).items()})
        text, store, told = np.arange(7, dtype=np.uint8), claimed(c, [None], [8])[0].store, _room(c, 7, 7)
        arguments = model.weights, model.numbers, board(), text, store.places(0, 7), *told
        yield (*arguments, *SILENT), told, 0.1 if c.activation_bits else 1e-4
        if not c.activation_bits:
            said, told = _silent(7), _room(c, 7, 1)
            rules = Rules(temperature=0.9, top_k=30, top_p=0.9, end=-1)
            text, random = np.arange(8, dtype=np.uint8), chance.random(7)
            yield (*arguments[:3], text, arguments[4], *told, rules, random, said), (text, *told, *said), 1e-4
