"""The plain pre-norm transformer that every claim about routing is measured against.

Attention, then a feed-forward, each behind its own norm and added to the stream (GPT-2's arrangement). It has the same
embedding, heads, widths and positions as its routed twin, and within 2 % as many parameters.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tilelli.base import Block, ByteLM, Changed
from tilelli.config import ModelConfig
from tilelli.pathways.dense import DensePathway
from tilelli.pathways.sparse import select
from tilelli.state import BlockState
from tilelli.trace import Recorder


class VanillaBlock(Block):
    """`x + attention(norm(x))`, then `x + mlp(norm(x))`. All weights are floats."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads, self.head_dim = config.n_heads, config.head_dim
        inner = config.n_heads * config.head_dim
        self.attention_norm = nn.LayerNorm(config.d_model)
        self.qkv = nn.Linear(config.d_model, 3 * inner, bias=False)
        self.out = nn.Linear(inner, config.d_model, bias=False)
        self.mlp_norm = nn.LayerNorm(config.d_model)
        self.mlp = DensePathway(config.d_model, config.hidden, ternary=False)

    def forward(
        self, x: Tensor, past: BlockState | None, recorder: Recorder | None, changed: Changed | None = None
    ) -> tuple[Tensor, BlockState]:
        B, T, _ = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(B, T, 3, self.n_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, T, head_dim)
        if past is not None and past.keys is not None and past.values is not None:
            k, v = torch.cat((past.keys, k), dim=2), torch.cat((past.values, v), dim=2)  # (B, H, S, head_dim)
        if recorder is not None and recorder.attention:
            recorder.kept.append(select(q, k, top_k=k.shape[2], sort=True))
        S = k.shape[2]
        seen = None if T == S else torch.ones(T, S, dtype=torch.bool, device=x.device).tril(S - T)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=seen is None)
        x = x + self.out(mixed.transpose(1, 2).reshape(B, T, -1))
        return x + self.mlp(self.mlp_norm(x)), BlockState(k, v)


class VanillaLM(ByteLM):
    """A byte-level pre-norm transformer."""

    kind = "vanilla"

    def make_block(self, config: ModelConfig) -> Block:
        return VanillaBlock(config)
