"""Top-k attention for training: block by block, with its own backward pass.

Written plainly (`select` in `sparse.py`, then a scatter and a product), autograd keeps and rewrites the score tensor
(B, H, T, T) five times; that traffic, not the arithmetic, is what top-k attention costs. Here a block of queries at a
time is scored against the keys up to its own end, and only the kept indices and weights are remembered. A test proves
that values and gradients agree with the plain version; on two cores it is about three times as fast.
"""

import math
from typing import Any

import torch
from torch import Tensor

QUERIES = 64  # queries a block: small enough for the scores to stay in cache, large enough to keep the products busy


class TopKAttention(torch.autograd.Function):
    """`apply(q, k, v, top_k)`: causal attention over one whole sequence; all of q, k, v are (B, H, T, head_dim)."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, top_k: int) -> Tensor:
        with torch.autocast(q.device.type, enabled=False):  # in the precision that they come in, as going backward
            return TopKAttention._attended(ctx, q, k, v, top_k)

    @staticmethod
    def _attended(ctx: Any, q: Tensor, k: Tensor, v: Tensor, top_k: int) -> Tensor:
        q, k, v = (q / math.sqrt(q.shape[3])).contiguous(), k.contiguous(), v.contiguous()
        out, kept = torch.empty_like(q), []
        future = torch.full((QUERIES, QUERIES), -math.inf, dtype=q.dtype, device=q.device).triu(1)
        for start, end in _blocks(q.shape[2]):
            scores = q[:, :, start:end] @ k[:, :, :end].mT  # (B, H, block, end)
            scores[..., start:] += future[: end - start, : end - start]
            values, index = scores.topk(min(top_k, end), dim=-1, sorted=False)
            weights = values.softmax(dim=-1)
            out[:, :, start:end] = scores.zero_().scatter_(-1, index, weights) @ v[:, :, :end]
            kept += [index, weights]
        ctx.save_for_backward(q, k, v, *kept)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, *kept = ctx.saved_tensors
        grad = grads[0].contiguous()
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for number, (start, end) in enumerate(_blocks(q.shape[2])):
            index, weights = kept[2 * number : 2 * number + 2]
            spread = grad[:, :, start:end] @ v[:, :, :end].mT  # (B, H, block, end): reused below for two other things
            grad_weights = spread.gather(-1, index)
            grad_scores = weights * (grad_weights - (weights * grad_weights).sum(dim=-1, keepdim=True))
            spread.zero_().scatter_(-1, index, weights)
            grad_v[:, :, :end] += spread.mT @ grad[:, :, start:end]
            spread.scatter_(-1, index, grad_scores)
            grad_q[:, :, start:end] = spread @ k[:, :, :end]
            grad_k[:, :, :end] += spread.mT @ q[:, :, start:end]
        return grad_q / math.sqrt(q.shape[3]), grad_k, grad_v, None


def _blocks(T: int) -> list[tuple[int, int]]:
    return [(start, min(start + QUERIES, T)) for start in range(0, T, QUERIES)]
