"""The compiled engine: a byte goes through the whole model in one call of machine code, without torch.

What is computed stands in `kernels.py`, how it is compiled in `compiler.py`. Here it is called: with a checkpoint as
arrays (`arrays.py`), and with the memory of one conversation or of several (`memory.py`).
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.engine.arrays import Compiled, own, room, shaped, thresholds
from tilelli.engine.choosing import Rules, Told
from tilelli.engine.compiler import MACHINE
from tilelli.engine.helpers import board, team
from tilelli.engine.memory import State, claimed
from tilelli.engine.products import Array
from tilelli.engine.writing import Reading, Text, overflow
from tilelli.errors import InputError
from tilelli.header import SPLICE, check_tensors, read_header
from tilelli.interventions import Intervention
from tilelli.layout import shapes
from tilelli.packed import weights
from tilelli.sampling import ALTERNATIVES, Sampling, Written, until
from tilelli.tokenizer import END_OF_DOCUMENT, VOCABULARY, check_bytes

MOMENT = 0.01  # seconds that one call should take: enough to spare Python, little enough that nobody waits
MOST = 1024  # bytes written in one call
SEEN = 70  # bytes that a rehearsal reads: more than a tile of keys
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
    """A text as it goes on, its stop strings not looked for: two bytes one by one, then as many at once as a moment
    allows."""
    return chain.from_iterable(steps for ((_, steps),) in _rounds(model, [text]))


def stream_together(model: Compiled, texts: Sequence[tuple[Sequence[int], Sampling]]) -> Iterator[tuple[int, Written]]:
    """Several continuations at once, which share every reading of the weights; bytes come with the number of a text.

    Each is what it would be alone, up to rounding. Stop strings are not looked for.
    """
    for said in _rounds(model, [Text[State](model.config.context, ids, sampling) for ids, sampling in texts]):
        for t in range(max(len(steps) for _, steps in said)):
            yield from ((number, steps[t]) for number, steps in said if t < len(steps))


def _rounds(model: Compiled, texts: Sequence[Text[State]]) -> Iterator[list[tuple[int, list[Written]]]]:
    """What comes next of each text that goes on, with the text's number, again and again."""
    most = 1
    while going := [(number, text, *text.next()) for number, text in enumerate(texts) if text.left]:
        new = [(number, text, ids, state) for number, text, ids, state in going if state is None or len(ids) > 1]
        if new:  # then all have been read but for their last byte
            found = read_together(model, [(ids, state) for *_, ids, state in new])
            first = [(number, text.took(*seen)) for (number, text, *_), seen in zip(new, found, strict=True)]
            yield [(number, [step] if step else []) for number, step in first]
            continue
        start = time.perf_counter()
        said, broken = _said(model, [(text, ids[0], state) for _, text, ids, state in going if state], most)
        longest = max(map(len, said))
        most = max(1, min(MOST, int(longest * MOMENT / (time.perf_counter() - start))))
        yield [(number, steps) for (number, *_), steps in zip(going, said, strict=True)]
        if broken:
            raise overflow()


def _said(
    model: Compiled, going: Sequence[tuple[Text[State], int, State]], most: int
) -> tuple[list[list[Written]], bool]:
    """Up to `most` bytes of each text in one call, the first after a byte that has not been read yet; and whether one
    ends since no byte can be chosen."""
    c, B = model.config, len(going)
    N = min([most, *(min(text.left, c.context - state.position) for text, _, state in going)])
    after = claimed(c, [state for *_, state in going], [N] * B)
    places = np.stack([new.store.places(new.position - N, new.position) for new in after], axis=1)
    ids, done, told = np.zeros((N + 1, B), np.uint8), np.zeros(B, np.int64), _silent(c, N, B)
    ids[0] = [byte for _, byte, _ in going]
    random = np.stack([text.random(N) for text, _, _ in going], axis=1)
    with _board(model, after[0]) as jobs:
        rules = _rules([text.sampling for text, _, _ in going])
        between = room(c, B)
        MACHINE.code().write(
            model.weights, model.numbers, between, jobs, ids, places, *_outputs(c, B), rules, random, told, done
        )
    steps = [_told(place, int(n), ids, told) for place, n in enumerate(done)]
    for place, (text, _, state) in enumerate(going):
        n, store = len(steps[place]), after[place].store
        store.leave(state.position + n)
        text.went_on(ids[1 : n + 1, place].tolist(), State(state.position + n, store), ended=0 <= done[place] < N)
    return steps, bool((done < 0).any())


def _told(place: int, done: int, ids: Array, told: Told) -> list[Written]:
    """What is told of the bytes of one text that have been written, or were before none could be chosen."""
    here = slice(done if done >= 0 else -1 - done), place
    probability, entropy, mixed = (array[here].tolist() for array in (told.probability, told.entropy, told.pathways))
    alternatives = map(Alternatives, repeat(told), range(len(mixed)), repeat(place))
    chances = told.abstain[here].tolist() if told.abstain.shape[1] else repeat(None)
    fields = zip(ids[1:][here].tolist(), probability, entropy, alternatives, map(tuple, mixed), chances, strict=False)
    return list(map(tuple.__new__, repeat(Written), fields))  # what Written(...) does, without a line of Python a byte


class Alternatives(Sequence[tuple[int, float]]):
    """The likeliest bytes with their probabilities at one place of one text, put together when somebody looks: most of
    the time nobody does, and it costs as much as all else that is told of a byte."""

    __slots__ = ("_place", "_text", "_told")

    def __init__(self, told: Told, place: int, text: int) -> None:
        self._told, self._place, self._text = told, place, text

    def _pairs(self) -> tuple[tuple[int, float], ...]:
        here = self._place, self._text
        return tuple(zip(self._told.others[here].tolist(), self._told.chances[here].tolist(), strict=True))

    def __len__(self) -> int:
        return ALTERNATIVES

    def __getitem__(self, place: Any) -> Any:
        return self._pairs()[place]

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(self._pairs())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._pairs() == tuple(other)

    def __hash__(self) -> int:
        return hash(self._pairs())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self._pairs(),)  # without what is told of other bytes

    def __repr__(self) -> str:
        return repr(self._pairs())


def _rules(samplings: Sequence[Sampling]) -> Rules:
    return Rules(
        np.array([float(s.temperature) for s in samplings]),
        np.array([s.top_k for s in samplings], np.int64),
        np.array([float(s.top_p) for s in samplings]),
        np.array([END_OF_DOCUMENT if s.stop_at_end else -1 for s in samplings], np.int64),
    )


def _board(model: Compiled, state: State) -> AbstractContextManager[Array]:
    """On which the products of one call are dealt out."""
    alone = state.store.board
    return team(model.threads).lent(alone) if model.threads > 1 else nullcontext(alone)


def _outputs(c: ModelConfig, T: int) -> tuple[Array, Array, Array]:
    """What is filled in of T bytes: logits (T, 256), router weights (T, L, 3), and logits of the head (T,), or (0,)
    without one."""
    routed = c.n_blocks if c.kind == "routed" else 0
    sizes = (T, VOCABULARY), (T, routed, len(PATHWAYS)), T if c.abstain else 0
    one, two, three = (np.empty(size, np.float32) for size in sizes)
    return one, two, three


def _silent(c: ModelConfig, N: int, B: int) -> Told:
    """What is told of so many bytes that are written."""
    routed, others = len(PATHWAYS) if c.kind == "routed" else 0, (N, B, ALTERNATIVES)
    (probability, entropy), chances = np.zeros((2, N, B)), np.zeros(others)
    pathways, abstain = np.zeros((N, B, routed)), np.zeros((N, B if c.abstain else 0))
    return Told(probability, entropy, np.zeros(others, np.int64), chances, pathways, abstain)


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
    kernel, c = MACHINE.code().read, model.config
    text = np.concatenate([np.array(check_bytes(ids), np.uint8) for ids, _ in turns])
    sizes = [len(ids) for ids, _ in turns]
    states = claimed(c, [state for _, state in turns], sizes)
    places = np.concatenate([s.store.places(s.position - n, s.position) for s, n in zip(states, sizes, strict=True)])
    logits, pathways, abstain = _outputs(c, len(text))
    with _board(model, states[0]) as jobs:
        for first in range(0, len(text), PIECE):
            piece = slice(first, first + PIECE)
            told, between = (logits[piece], pathways[piece], abstain[piece]), room(c, len(text[piece]))
            kernel(model.weights, model.numbers, between, jobs, text[piece], places[piece], *told)
    ends = np.cumsum(sizes).tolist()
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [
        (Reading(logits[at], list(pathways[at].swapaxes(0, 1)), abstain[at] if c.abstain else None), state)
        for at, state in zip(parts, states, strict=True)
    ]


def rehearsal() -> Iterator[tuple[str, tuple[Any, ...], tuple[Array, ...], float]]:
    """Tiny models that between them use every kernel: `read` or `write`, its arguments, those of them that it fills in,
    and how far apart results may be. Where activations are rounded, one may come out a step higher or lower."""
    base = ModelConfig(d_model=9, n_blocks=2, n_heads=2, head_dim=5, top_k=2, kernel_size=3, expand=2, context=SEEN)
    whole_numbers = replace(base, ternary=PATHWAYS, activation_bits=8, head_dim=19, top_k=6)
    for c in (replace(base, through_local=True, abstain=True), base.twin("vanilla"), whole_numbers):
        chance = np.random.default_rng(0)
        model = shaped(c, {name: own(chance.normal(0, 0.3, shape)) for name, shape in shapes(c).items()})
        text, store = np.arange(SEEN, dtype=np.uint8), claimed(c, [None], [SEEN])[0].store
        places = store.places(0, SEEN)  # addresses: the store lives as long as they are used
        told = _outputs(c, SEEN)
        begin = (model.weights, model.numbers, room(c, SEEN), board())
        yield "read", (*begin, text, places, *told), told, 0.1 if c.activation_bits else 1e-4
        if not c.activation_bits:
            ids, done, said = np.zeros((8, 1), np.uint8), np.zeros(1, np.int64), _silent(c, 7, 1)
            begin = (model.weights, model.numbers, room(c, 1), board())
            sampling, outputs = Sampling(temperature=0.9, top_k=30, top_p=0.9, stop_at_end=False), _outputs(c, 1)
            rules = _rules([sampling])
            arguments = (*begin, ids, places[:7, None].copy(), *outputs, rules, chance.random((7, 1)), said, done)
            yield "write", arguments, (ids, done, *outputs, *said), 1e-4
