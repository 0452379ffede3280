"""The NumPy engine: a whole model in one file, from a checkpoint to logits, without torch.

It is the reference to read, and the quickest to start: it says in NumPy what `model.py`, `vanilla.py` and the pathways
say in torch, for one text at a time, with the same logits up to rounding; so a seed gives the same text.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.engine.writing import Reading, entropy, write
from tilelli.errors import InputError
from tilelli.header import SPLICE, check_tensors, read_header
from tilelli.layout import SCALE, attends_in_steps, whole
from tilelli.packed import Floats, in_steps, weights
from tilelli.sampling import Sampling, Written

Tensors = dict[str, Floats]


@dataclass(frozen=True)
class Plain:
    """A model: its configuration, and what its layers multiply with, by name; those of each block apart."""

    config: ModelConfig
    weights: Tensors
    blocks: tuple[Tensors, ...]


@dataclass(frozen=True)
class State:
    """Memory of a conversation: `position` bytes read, and for each block `keys` and `values` (H, S, head_dim) and the
    last inputs of the convolution, `recent` (kernel_size - 1, D); what a block lacks is left out."""

    position: int
    blocks: tuple[Tensors, ...]


def load(name: str | Path) -> Plain:
    """The model in a packed or an ordinary checkpoint; the weights of the latter are rounded here.

    Raises:
        CheckpointError: as for any checkpoint.
        InputError: it is a splice.
    """
    if SPLICE in str(name):
        raise InputError("The NumPy engine makes no splices", str(name)[:80], "Pack it first, or use --engine torch.")
    check_tensors(header := read_header(name))
    found = weights(header)
    for key in whole(header.config):  # every weight that is not zero has the size of the scale
        found |= {key: np.sign(found[key]), key + SCALE: np.abs(found[key]).max()}
    inner: tuple[Tensors, ...] = tuple({} for _ in range(header.config.n_blocks))
    for key in [key for key in found if key.startswith("blocks.")]:
        inner[int(key.split(".")[1])][key.split(".", 2)[2]] = found.pop(key)
    return Plain(header.config, found, inner)


def stream(model: Plain, ids: Sequence[int], sampling: Sampling | None = None) -> Iterator[Written]:
    """The continuation of `ids`, byte by byte; see `tilelli.generation.stream`."""
    return write(lambda new, state: read(model, new, state), model.config.context, ids, sampling or Sampling())


@np.errstate(over="ignore", invalid="ignore")  # weights may be beyond reason; who writes looks at the logits
def read(model: Plain, ids: Sequence[int], state: State | None = None) -> tuple[Reading, State]:
    """What the model makes of each of `ids` after what `state` remembers, and what to remember then.

    Raises:
        InputError: the text would run past the context.
    """
    c, w, start = model.config, model.weights, state.position if state else 0
    if (end := start + len(ids)) > c.context:
        raise InputError("The text is longer than the context", f"{end} for {c.context} positions", "Shorten it.")
    x = w["embedding.weight"][list(ids)] + w["positions.weight"][start:end]  # (T, D)
    memory, pathways = [], []
    for number, block in enumerate(model.blocks):
        kept = dict(state.blocks[number]) if state else {}  # changed below into what the next call needs
        if c.kind == "vanilla":
            x = x + _attention(c, block, "", _norm(x, block, "attention_norm"), kept, end)
            x = x + _dense(block, "mlp", _norm(x, block, "mlp_norm"))
        else:
            x, mixed = _routed(c, block, x, kept)
            pathways.append(mixed)
        memory.append(kept)
    h = _norm(x, w, "norm")
    logits = h @ w["embedding.weight"].T  # (T, 256)
    seen = np.hstack((h, entropy(logits)[:, None]))  # what the abstain head reads
    abstain = seen @ w["abstain.weight"][0] + w["abstain.bias"] if c.abstain else None  # (T,)
    return Reading(logits, pathways, abstain), State(end, tuple(memory))


def _routed(c: ModelConfig, w: Tensors, x: Floats, kept: Tensors) -> tuple[Floats, Floats]:
    """The stream (T, D) after a block, and the router weights (T, P); a pathway that is left out weighs nothing."""
    h, mixed = _norm(x, w, "norm"), np.zeros((len(x), len(PATHWAYS)), np.float32)
    present = [place for place, name in enumerate(PATHWAYS) if name in c.pathways]
    mixed[:, present] = _softmax(h @ w["router.score.weight"].T + w["router.score.bias"])
    outputs: Tensors = {"local": _local(w, h, kept)} if "local" in c.pathways else {}
    if "sparse" in c.pathways:
        outputs["sparse"] = _attention(c, w, "sparse.", h, kept, c.top_k)
    if "dense" in c.pathways:
        outputs["dense"] = _dense(w, "dense", h + outputs["local"] if c.through_local and "local" in outputs else h)
    for name, output in outputs.items():
        x = x + c.mix_scale * mixed[:, PATHWAYS.index(name), None] * output
    return x, mixed


def _local(w: Tensors, h: Floats, kept: Tensors) -> Floats:
    weight, T = w["local.weight"], len(h)  # (D, kernel_size)
    seen = np.vstack((kept.get("recent", np.zeros((weight.shape[1] - 1, h.shape[1]), np.float32)), h))
    kept["recent"] = seen[T:]
    return w["local.bias"] + sum(seen[j : j + T] * weight[:, j] for j in range(weight.shape[1]))


def _attention(c: ModelConfig, w: Tensors, name: str, h: Floats, kept: Tensors, top_k: int) -> Floats:
    made = _product(w, f"{name}qkv.weight", h).reshape(-1, 3, c.n_heads, c.head_dim)
    q, k, v = (np.multiply(*in_steps(made)) if attends_in_steps(c) else made).transpose(1, 2, 0, 3)
    k = kept["keys"] = np.concatenate((kept.get("keys", k[:, :0]), k), axis=1)  # (H, S, head_dim)
    v = kept["values"] = np.concatenate((kept.get("values", v[:, :0]), v), axis=1)
    T, S = len(h), k.shape[1]
    scores = np.matmul(q / math.sqrt(c.head_dim), k.swapaxes(1, 2))  # (H, T, S)
    scores[:, np.triu(np.ones((T, S), bool), S - T + 1)] = -np.inf  # keys that come later
    if top_k < S:
        np.put_along_axis(scores, np.argpartition(scores, S - top_k)[..., : S - top_k], -np.inf, axis=-1)
    return _product(w, f"{name}out.weight", (_softmax(scores) @ v).swapaxes(0, 1).reshape(T, -1))


def _dense(w: Tensors, name: str, h: Floats) -> Floats:
    u = _product(w, f"{name}.up.weight", h)
    return _product(w, f"{name}.down.weight", 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3))))


def _product(w: Tensors, name: str, x: Floats) -> Floats:
    """(T, K) -> (T, R); where activations are rounded, as `ternary.py` does it: whole numbers are added up."""
    if name + SCALE not in w:
        return x @ w[name].T
    steps, size = in_steps(x)
    return steps @ w[name].T * (size * w[name + SCALE])


def _norm(x: Floats, w: Tensors, name: str) -> Floats:
    scaled: Floats = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def _softmax(scores: Floats) -> Floats:
    e: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
