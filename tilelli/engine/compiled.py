"""The compiled engine: a byte goes through the whole model in one call of machine code, without torch.

What is computed stands in `kernels.py`, how it is compiled in `compiler.py`. Here a checkpoint becomes the arrays that
the kernels read, and a conversation becomes the memory that they write. Machine code checks no index: all sizes are
proved here, before it is called.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.engine.compiler import MACHINE
from tilelli.engine.helpers import board, team
from tilelli.engine.integers import SHIFTS, SIDE
from tilelli.engine.kernels import Numbers, Weights
from tilelli.engine.matrix import Matrix
from tilelli.engine.memory import State, claimed
from tilelli.engine.products import WORD, Array
from tilelli.engine.writing import Reading, write, write_together
from tilelli.errors import InputError
from tilelli.header import SPLICE, check_tensors, read_header
from tilelli.interventions import Intervention
from tilelli.layout import shapes, ternary, whole
from tilelli.packed import Floats, weights
from tilelli.sampling import Sampling, Written
from tilelli.tokenizer import VOCABULARY, check_bytes

PIECE = 32  # bytes read in one call: few enough for what is in between to stay in cache


@dataclass(frozen=True)
class Compiled:
    """A model as the kernels read it; only read, by as many conversations at once as there are."""

    config: ModelConfig
    weights: Weights
    numbers: Numbers
    threads: int = 1


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
    thresholds = _thresholds(header.config, interventions)
    model = shaped(header.config, weights(header))
    return replace(model, weights=model.weights._replace(thresholds=thresholds), threads=threads)


def stream(model: Compiled, ids: Sequence[int], sampling: Sampling | None = None) -> Iterator[Written]:
    """The continuation of `ids`, byte by byte; see `tilelli.generation.stream`. Waits until there is machine code."""
    return write(lambda new, state: read(model, new, state), model.config.context, ids, sampling or Sampling())


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
    kernel, c = MACHINE.code().read, model.config
    text = np.concatenate([np.array(check_bytes(ids), np.uint8) for ids, _ in turns])
    sizes = [len(ids) for ids, _ in turns]
    states = claimed(c, [state for _, state in turns], sizes)
    places = np.concatenate([s.store.places(s.position - n, s.position) for s, n in zip(states, sizes, strict=True)])
    logits = np.empty((len(text), VOCABULARY), np.float32)
    pathways = np.empty((len(text), c.n_blocks if c.kind == "routed" else 0, len(PATHWAYS)), np.float32)
    abstain = np.empty(len(text) if c.abstain else 0, np.float32)
    own = states[0].store.board
    with team(model.threads).lent(own) if model.threads > 1 else nullcontext(own) as jobs:
        for first in range(0, len(text), PIECE):
            piece = slice(first, first + PIECE)
            told = (logits[piece], pathways[piece], abstain[piece])
            kernel(model.weights, model.numbers, jobs, text[piece], places[piece], *told)
    ends = np.cumsum(sizes).tolist()
    parts = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [
        (Reading(logits[at], list(pathways[at].swapaxes(0, 1)), abstain[at] if c.abstain else None), state)
        for at, state in zip(parts, states, strict=True)
    ]


def shaped(c: ModelConfig, found: dict[str, Floats]) -> Compiled:
    """The arrays that the kernels read, from what the layers multiply with, by name.

    Raises:
        InputError: a tensor has not the shape that the configuration says; the kernels would read beyond it.
    """
    for name, shape in shapes(c).items():
        if found[name].shape != shape:
            seen = f"{name} is {list(found[name].shape)}, not {list(shape)}"
            raise InputError("A tensor has the wrong shape", seen, "Load it with its own configuration.")
    has = set(c.pathways) if c.kind == "routed" else {"sparse", "dense"}
    routed, L = c.kind == "routed", c.n_blocks
    dense, sparse = ("dense.", "sparse.") if routed else ("mlp.", "")
    norms = [f"blocks.{b}.{n}" for b in range(L) for n in (["norm"] if routed else ["attention_norm", "mlp_norm"])]
    local = "local" in has
    numbers = Numbers(
        blocks=L,
        routed=routed,
        local=local,
        sparse="sparse" in has,
        dense="dense" in has,
        through_local=c.through_local and local,
        heads=c.n_heads,
        head_dim=c.head_dim,
        top_k=c.top_k if routed else c.context,
        mix_scale=c.mix_scale,
    )
    arrays = Weights(
        embedding=_own(found["embedding.weight"]),
        positions=_own(found["positions.weight"]),
        norms=_own(np.stack([[found[f"{n}.weight"], found[f"{n}.bias"]] for n in [*norms, "norm"]])),
        router=_own(np.stack([_routers(c, found, b)[0] for b in range(L if routed else 0)] or [np.zeros((3, 0))])),
        router_bias=_own(np.stack([_routers(c, found, b)[1] for b in range(L if routed else 0)] or [np.zeros(3)])),
        thresholds=np.zeros(L if routed else 0, np.float32),
        filters=_each(found, L if local else 0, "local.weight", turned=True),
        filters_bias=_each(found, L if local else 0, "local.bias"),
        qkv=_matrix(c, found, f"{sparse}qkv.weight", "sparse" in has),
        out=_matrix(c, found, f"{sparse}out.weight", "sparse" in has),
        up=_matrix(c, found, f"{dense}up.weight", "dense" in has),
        down=_matrix(c, found, f"{dense}down.weight", "dense" in has),
        head=_own(found["embedding.weight"].T),
        abstain=_own(np.concatenate([found["abstain.weight"][0], found["abstain.bias"]]) if c.abstain else np.empty(0)),
    )
    return Compiled(c, arrays, numbers)


def _thresholds(c: ModelConfig, interventions: Sequence[Intervention]) -> Array:
    """(L,): router weights below these count as nothing."""
    found = np.zeros(c.n_blocks, np.float32)
    for each in interventions:
        each.check(c)
        if each.action != "skip":
            raise InputError("The compiled engine can skip and no more", str(each)[:60], "Use --engine torch.")
        first, last = each.blocks or (0, c.n_blocks - 1)
        found[first : last + 1] = np.maximum(found[first : last + 1], each.numbers[0])
    return found


def _routers(c: ModelConfig, found: dict[str, Floats], block: int) -> tuple[Array, Array]:
    """Score (3, D) and bias (3,) of a block's router, with what makes a pathway that is not there weigh nothing."""
    score, bias = np.zeros((len(PATHWAYS), c.d_model)), np.full(len(PATHWAYS), -np.inf)
    present = [place for place, name in enumerate(PATHWAYS) if name in c.pathways]
    score[present] = found[f"blocks.{block}.router.score.weight"]
    bias[present] = found[f"blocks.{block}.router.score.bias"]
    return score, bias


def _matrix(c: ModelConfig, found: dict[str, Floats], name: str, present: bool) -> Matrix:
    """A matrix of all blocks, as trits where it is ternary. Its scale is the size of every weight that is not zero."""
    L = c.n_blocks if present else 0
    floats = _each(found, L, name, turned=True)
    _, K, R = floats.shape
    if f"blocks.0.{name}" not in ternary(c) or not L:
        return Matrix(floats, np.empty((0, 0, R), np.uint32), np.empty(0, np.float32), stepped=False)
    stepped = f"blocks.0.{name}" in whole(c)
    scales, places = np.abs(floats).max(axis=(1, 2)), SHIFTS if stepped else np.arange(0, 2 * WORD, 2, dtype=np.uint32)
    codes = np.ones((L, -(-K // WORD) * WORD, -(-R // SIDE) * SIDE if stepped else R), np.uint32)
    codes[:, :K, :R] += (
        np.sign(floats).astype(np.int8).astype(np.uint32)
    )  # -1 becomes the largest number, plus one zero
    words = np.bitwise_or.reduce(codes.reshape(L, -1, WORD, codes.shape[2]) << places[:, None], axis=2)
    if stepped:
        blocks = words.reshape(L, -1, codes.shape[2] // SIDE, SIDE).swapaxes(1, 2)  # (L, R / 64, K / 16, 64)
        words = _aligned(blocks.reshape(L, blocks.shape[1], -1))
    return Matrix(np.empty((0, K, R), np.float32), words, _own(scales), stepped)


def _each(found: dict[str, Floats], L: int, name: str, turned: bool = False) -> Array:
    """The tensors of that name of `L` blocks as one array."""
    tensors = [found[f"blocks.{block}.{name}"] for block in range(L)]
    if not tensors:
        return np.empty((0, 0, 0) if turned else (0, 0), np.float32)
    return _own(np.stack([tensor.T if turned else tensor for tensor in tensors]))


def _own(array: Array) -> Array:
    """As the kernels expect it: float32, row after row, in the byte order of this machine."""
    return np.ascontiguousarray(array, np.float32)


def _aligned(array: Array) -> Array:
    """A copy that begins at the beginning of a cache line: then no vector lies across two of them."""
    room = np.empty(array.nbytes + 64, np.uint8)
    copy: Array = room[-room.ctypes.data % 64 :][: array.nbytes].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy


def rehearsal() -> Iterator[tuple[tuple[Any, ...], tuple[Array, ...], float]]:
    """Tiny models that between them use every kernel: the first arguments of `kernels.read`, room for the rest, and how
    far from one another results may be. Where activations are rounded, one may come out a step higher or lower."""
    base = ModelConfig(d_model=9, n_blocks=2, n_heads=2, head_dim=5, top_k=2, kernel_size=3, expand=2, context=8)
    whole_numbers = replace(base, ternary=PATHWAYS, activation_bits=8)
    for c in (replace(base, through_local=True, abstain=True), base.twin("vanilla"), whole_numbers):
        chance = np.random.default_rng(0)
        model = shaped(c, {name: _own(chance.normal(0, 0.3, shape)) for name, shape in shapes(c).items()})
        text, store = np.arange(7, dtype=np.uint8), claimed(c, [None], [8])[0].store
        sizes = (7, 256), (7, 2 if c.kind == "routed" else 0, 3), (7 if c.abstain else 0)
        told = tuple(np.empty(size, np.float32) for size in sizes)
        arguments = model.weights, model.numbers, board(), text, store.places(0, 7)
        yield arguments, told, 0.1 if c.activation_bits else 1e-4
