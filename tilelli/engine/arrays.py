"""A checkpoint as the arrays that the kernels read, whose sizes are proved here: machine code checks no index."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.engine.attention import filled
from tilelli.engine.integers import SHIFTS, SIDE
from tilelli.engine.kernels import Numbers, Room, Weights
from tilelli.engine.matrix import Matrix, Scratch
from tilelli.engine.products import WORD, Array
from tilelli.errors import InputError
from tilelli.interventions import Intervention
from tilelli.layout import shapes, ternary, whole
from tilelli.packed import Floats


@dataclass(frozen=True)
class Compiled:
    """A model as the kernels read it; only read, by as many conversations at once as there are."""

    config: ModelConfig
    weights: Weights
    numbers: Numbers
    threads: int = 1


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
        embedding=own(found["embedding.weight"]),
        positions=own(found["positions.weight"]),
        norms=own(np.stack([[found[f"{n}.weight"], found[f"{n}.bias"]] for n in [*norms, "norm"]])),
        router=own(np.stack([_routers(c, found, b)[0] for b in range(L if routed else 0)] or [np.zeros((3, 0))])),
        router_bias=own(np.stack([_routers(c, found, b)[1] for b in range(L if routed else 0)] or [np.zeros(3)])),
        thresholds=np.zeros(L if routed else 0, np.float32),
        filters=_each(found, L if local else 0, "local.weight", turned=True),
        filters_bias=_each(found, L if local else 0, "local.bias"),
        qkv=_matrix(c, found, f"{sparse}qkv.weight", "sparse" in has),
        out=_matrix(c, found, f"{sparse}out.weight", "sparse" in has),
        up=_matrix(c, found, f"{dense}up.weight", "dense" in has),
        down=_matrix(c, found, f"{dense}down.weight", "dense" in has),
        head=own(found["embedding.weight"].T),
        abstain=own(np.concatenate([found["abstain.weight"][0], found["abstain.bias"]]) if c.abstain else np.empty(0)),
    )
    return Compiled(c, arrays, numbers)


def thresholds(c: ModelConfig, interventions: Sequence[Intervention]) -> Array:
    """(L,): router weights below these count as nothing."""
    found = np.zeros(c.n_blocks, np.float32)
    for each in interventions:
        each.check(c)
        if each.action != "skip":
            raise InputError("The compiled engine can skip and no more", str(each)[:60], "Use --engine torch.")
        first, last = each.blocks or (0, c.n_blocks - 1)
        found[first : last + 1] = np.maximum(found[first : last + 1], each.numbers[0])
    return found


def room(c: ModelConfig, T: int) -> Room:
    """What T bytes become on their way, and what any product of theirs needs in between."""
    inner, floats = c.n_heads * c.head_dim, np.float32
    most = filled(max(c.d_model, c.hidden, 3 * inner), SIDE)  # inputs or outputs of a matrix
    x, h, made, fed = np.empty((4, T, c.d_model), floats)
    return Room(
        x=x,
        h=h,
        made=made,
        fed=fed,
        feeding=np.empty(T, np.int64),
        shares=np.empty((T, len(PATHWAYS)), floats),
        qkv=np.empty((T, 3 * inner), floats),
        mixed=np.empty((T, inner), floats),
        hidden=np.empty((T, c.hidden), floats),
        gate=np.empty(c.hidden, floats),
        scratch=Scratch(
            floats=np.empty(T * (most + most // 8), floats),
            steps=np.empty(T * most, np.int8),
            sums=np.empty(T * most, np.int32),
            sizes=np.empty(T, floats),
            totals=np.empty(T, np.int32),
        ),
    )


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
    codes = np.ones((L, filled(K, WORD), filled(R, SIDE) if stepped else R), np.uint32)
    codes[:, :K, :R] += (
        np.sign(floats).astype(np.int8).astype(np.uint32)
    )  # -1 becomes the largest number, plus one zero
    words = np.bitwise_or.reduce(codes.reshape(L, -1, WORD, codes.shape[2]) << places[:, None], axis=2)
    if stepped:
        blocks = words.reshape(L, -1, codes.shape[2] // SIDE, SIDE).swapaxes(1, 2)  # (L, R / 64, K / 16, 64)
        words = _aligned(blocks.reshape(L, blocks.shape[1], -1))
    return Matrix(np.empty((0, K, R), np.float32), words, own(scales), stepped)


def _each(found: dict[str, Floats], L: int, name: str, turned: bool = False) -> Array:
    """The tensors of that name of `L` blocks as one array."""
    tensors = [found[f"blocks.{block}.{name}"] for block in range(L)]
    if not tensors:
        return np.empty((0, 0, 0) if turned else (0, 0), np.float32)
    return own(np.stack([tensor.T if turned else tensor for tensor in tensors]))


def own(array: Array) -> Array:
    """As the kernels expect it: float32, row after row, in the byte order of this machine."""
    return np.ascontiguousarray(array, np.float32)


def _aligned(array: Array) -> Array:
    """A copy that begins at the beginning of a cache line: then no vector lies across two of them."""
    room = np.empty(array.nbytes + 64, np.uint8)
    copy: Array = room[-room.ctypes.data % 64 :][: array.nbytes].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy
