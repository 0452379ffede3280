"""The sparse pathway: causal attention in which every query keeps only its k best keys.

Scores are those of ordinary attention; then each query of each head keeps its `top_k` largest and forgets the rest.
The selection comes before the softmax, so that a dropped key weighs exactly zero and a decoder may skip it.
With `top_k` >= T it is ordinary dense attention, and a test proves it.
"""

import math

import torch
from torch import Tensor, nn

from tilelli.pathways.topk_attention import attend
from tilelli.ternary import TernaryLinear, rounded

KeyValues = tuple[Tensor, Tensor]


class SparsePathway(nn.Module):
    """Multi-head attention, `n_heads` of `head_dim`, without biases. Where the input of its matrices is rounded, so is
    each query, key and value."""

    def __init__(
        self, d_model: int, n_heads: int, head_dim: int, top_k: int, ternary: bool, activation_bits: int = 0
    ) -> None:
        super().__init__()
        self.n_heads, self.head_dim, self.top_k = n_heads, head_dim, top_k
        self.qkv = TernaryLinear(d_model, 3 * n_heads * head_dim, ternary, activation_bits)
        self.out = TernaryLinear(n_heads * head_dim, d_model, ternary, activation_bits)

    def forward(
        self,
        h: Tensor,
        past: KeyValues | None = None,
        kept: list[KeyValues] | None = None,
        mass: list[Tensor] | None = None,
    ) -> tuple[Tensor, KeyValues]:
        """Attend, and remember keys and values.

        Args:
            h: (B, T, d_model).
            past: keys and values of the bytes before `h`, each (B, H, S, head_dim); None at the start.
            kept: a list to which the indices and weights of the kept keys, each (B, H, T, K), are appended; largest
                weight first. A weight of zero marks a place that no key fills (a query with fewer than K keys).
            mass: a list to which (B, H, T) is appended, if there is one for `kept` too: the share that the kept keys
                would hold if none were dropped.

        Returns:
            The result (B, T, d_model), and the `past` of the next call.
        """
        B, T, _ = h.shape
        qkv = self.qkv(h).view(B, T, 3, self.n_heads, self.head_dim)
        q, k, v = (rounded(qkv) if self.qkv.in_steps else qkv).permute(2, 0, 3, 1, 4)  # (B, H, T, head_dim)
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)  # (B, H, S + T, head_dim)
        if past is None and kept is None:
            mixed = attend(q, k, v, self.top_k)  # (B, H, T, head_dim)
        else:
            scores = score(q, k)
            index, weights = keep(scores, self.top_k, sort=kept is not None)
            if kept is not None:
                kept.append((index, weights))
                if mass is not None:
                    mass.append(held(scores, index))
            mixed = mix(index, weights, v)
        return self.out(mixed.transpose(1, 2).reshape(B, T, -1)), (k, v)


def select(q: Tensor, k: Tensor, top_k: int, sort: bool = False) -> KeyValues:
    """The keys that each query keeps, and their softmax weights.

    Args:
        q: (B, H, T, head_dim), the last T positions.
        k: (B, H, S, head_dim) with S >= T, all positions.
        top_k: how many keys a query keeps at most.
        sort: largest weight first; costs time, so only where order matters.

    Returns:
        Indices into S and weights, each (B, H, T, min(top_k, S)).
    """
    return keep(score(q, k), top_k, sort)


def score(q: Tensor, k: Tensor) -> Tensor:
    """How well each query and key match, (B, H, T, S); minus infinity for keys that come later. See `select`."""
    T, S = q.shape[2], k.shape[2]
    scores = (q / math.sqrt(q.shape[3])) @ k.mT  # (B, H, T, S)
    return scores.masked_fill(torch.ones(T, S, dtype=torch.bool, device=q.device).triu(S - T + 1), -math.inf)


def keep(scores: Tensor, top_k: int, sort: bool = False) -> KeyValues:
    """Indices and weights, as `select` gives them, from scores (B, H, T, S)."""
    values, index = scores.topk(min(top_k, scores.shape[-1]), dim=-1, sorted=sort)
    return index, values.softmax(dim=-1)


def held(scores: Tensor, index: Tensor) -> Tensor:
    """(B, H, T): the share of the softmax over all scores (B, H, T, S) that falls to those at `index`, 0 to 1."""
    kept = scores.gather(-1, index).logsumexp(dim=-1)
    return (kept - scores.logsumexp(dim=-1)).exp().clamp(max=1)


def mix(index: Tensor, weights: Tensor, v: Tensor) -> Tensor:
    """Weighted sum of the kept values: (B, H, T, K) twice and (B, H, S, head_dim) -> (B, H, T, head_dim)."""
    spread = torch.zeros(*index.shape[:3], v.shape[2], dtype=weights.dtype, device=v.device)
    return spread.scatter(-1, index, weights) @ v
