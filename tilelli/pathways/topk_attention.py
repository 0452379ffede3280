"""Top-k attention over whole texts, for training and scoring: block by block, with its own backward pass.

Written plainly (`select` in `sparse.py`, then a scatter and a product), autograd keeps and rewrites the score tensor
(B, H, T, T) five times; that traffic, not the arithmetic, is what top-k attention costs. Here a block of queries at a
time is scored against the keys up to its own end, and only the places and weights of the kept keys are remembered. What
follows the scores is done on a CPU by machine code that touches kept keys only (`engine/topk_attention.py`), where
there is some; else by torch's own operations. `torch.compile` sees one operation. Tests prove that values and gradients
are those of the plain version.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilelli.engine import compiler
from tilelli.engine.compiler import Kernel

QUERIES = 64  # queries a block: small enough for the scores to stay in cache, large enough to keep the products busy
WORTH = 4096  # queries of all heads and texts, from which it is worth it to load machine code, which takes a second

Three = tuple[Tensor, Tensor, Tensor]


def attend(q: Tensor, k: Tensor, v: Tensor, top_k: int) -> Tensor:
    """Causal attention in which each query keeps its `top_k` best keys: (B, H, T, head_dim), as all of q, k, v are."""
    exact = torch.promote_types(q.dtype, torch.float32) if q.device.type == "cpu" else q.dtype
    sequences = (tensor.flatten(0, 1).to(exact).contiguous() for tensor in (q, k, v))
    out: Tensor = keep_and_mix(*sequences, top_k)[0]
    return out.view(q.shape).to(q.dtype)


@torch.library.custom_op("tilelli::keep_and_mix", mutates_args=())
def keep_and_mix(q: Tensor, k: Tensor, v: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The mix of the values, and places and weights of the kept keys, (N, T, K); where there are fewer, a weight is 0.

    Each head of each text is a sequence of its own: q, k, v and the mix are (N, T, head_dim), contiguous.
    """
    out, index, weights = _room(q, k, v, top_k)
    N, T, D = q.shape
    code, room = _code(q), q.new_empty(N * min(T, QUERIES) * T)
    with torch.autocast(q.device.type, enabled=False):  # in the precision that they come in, as going backward
        for start, end in _blocks(T):
            scores = room[: N * (end - start) * end].view(N, end - start, end)
            torch.baddbmm(scores, q[:, start:end], k[:, :end].mT, beta=0, alpha=1 / math.sqrt(D), out=scores)
            if code:
                _share(code.keep, end + 1, np.int32, start, scores, v, index, weights, out)
            else:
                block = (part[:, start:end, :end] for part in (index, weights))
                out[:, start:end] = _keep(scores, start, *block) @ v[:, :end]
    return out, index, weights


@torch.library.custom_op("tilelli::keep_and_mix_backward", mutates_args=())
def _backward(
    q: Tensor, k: Tensor, v: Tensor, index: Tensor, weights: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v from that of the mix."""
    grads = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    if code := _code(q):
        _share(code.learn, index.shape[2], np.float32, q, k, v, index, weights, grad.contiguous(), *grads)
        return grads
    grad_q, grad_k, grad_v = grads
    with torch.autocast(q.device.type, enabled=False):
        for start, end in _blocks(q.shape[1]):
            places, shares = index[:, start:end, :end].long(), weights[:, start:end, :end]
            spread = grad[:, start:end] @ v[:, :end].mT  # (N, block, end): reused below for two other things
            slopes = spread.gather(-1, places)
            slopes = shares * (slopes - (shares * slopes).sum(dim=-1, keepdim=True)) / math.sqrt(q.shape[2])
            spread.zero_().scatter_(-1, places, shares)
            grad_v[:, :end] += spread.mT @ grad[:, start:end]
            spread.scatter_(-1, places, slopes)
            grad_q[:, start:end] = spread @ k[:, :end]
            grad_k[:, :end] += spread.mT @ q[:, start:end]
    return grads


def _keep(scores: Tensor, start: int, index: Tensor, weights: Tensor) -> Tensor:
    """Fills `index` and `weights` of a block of queries, and gives back the weights of all keys, in place of scores."""
    future = torch.full(scores.shape[1:], -math.inf, dtype=scores.dtype, device=scores.device).triu(start + 1)
    values, places = scores.add_(future).topk(index.shape[-1], dim=-1, sorted=False)
    index.copy_(places)
    weights.copy_(values.softmax(dim=-1))
    return scores.zero_().scatter_(-1, places, weights)


@keep_and_mix.register_fake
def _room(q: Tensor, k: Tensor, v: Tensor, top_k: int) -> Three:
    places = (*q.shape[:2], min(top_k, q.shape[1]))
    return torch.empty_like(q), q.new_zeros(places, dtype=torch.int32), q.new_zeros(places)


@_backward.register_fake
def _gradients(q: Tensor, k: Tensor, v: Tensor, index: Tensor, weights: Tensor, grad: Tensor) -> Three:
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _remember(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, int], output: Three) -> None:
    ctx.set_materialize_grads(False)
    ctx.mark_non_differentiable(*output[1:])
    ctx.save_for_backward(*inputs[:3], *output[1:])


def _recall(ctx: Any, grad: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    grads = (None,) * 3 if grad is None else _backward(*ctx.saved_tensors, grad)
    return *grads, None


keep_and_mix.register_autograd(_recall, setup_context=_remember)


def _code(q: Tensor) -> "compiler.TopK | None":
    """Machine code for such queries, if it can be had and they are worth it."""
    able = q.device.type == "cpu" and q.dtype == torch.float32 and q.shape[:2].numel() >= WORTH
    return compiler.topk() if able else None


def _share(kernel: Kernel, room: int, kind: type[np.generic], *arguments: Any) -> None:
    """Has as many threads as torch uses compute a share of the sequences each, with room for so many numbers."""
    given = [each.numpy() if isinstance(each, Tensor) else each for each in arguments]
    N = len(given[-1])
    threads = max(1, min(torch.get_num_threads(), N))
    shares = [(N * part // threads, N * (part + 1) // threads) for part in range(threads)]
    calls = [(*given, np.empty(room, kind), *share) for share in shares]
    if threads == 1:
        kernel(*calls[0])
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(kernel, *call) for call in calls]:
            done.result()


def _blocks(T: int) -> list[tuple[int, int]]:
    return [(start, min(start + QUERIES, T)) for start in range(0, T, QUERIES)]
