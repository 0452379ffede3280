"""The routed network, bytes to logits.

    byte -> embedding + position -> block -> block -> ... -> norm -> logits over the next byte

Each block normalises the stream once, shows the result to three pathways, and adds their outputs back, mixed byte by
byte by the router. What is around the blocks stands in `base.py`; the pathways each have a file of their own.
"""

import torch
from torch import Tensor, nn

from tilelli.base import Block, ByteLM, Changed
from tilelli.config import ModelConfig
from tilelli.pathways import DensePathway, LocalPathway, SparsePathway
from tilelli.router import Router
from tilelli.state import BlockState
from tilelli.trace import Recorder


class RoutedBlock(Block):
    """`x + mix_scale * (w_local * local(h) + w_sparse * sparse(h) + w_dense * dense(g))` with `h = norm(x)`.

    `g` is `h`, or `h + local(h)` where the configuration says `through_local`: the feed-forward, which has no memory,
    then sees each byte with the few before it, whatever the router makes of the local pathway itself. A pathway that
    the configuration leaves out is None, and the router knows nothing of it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, ternary, has, bits = config, config.ternary, config.pathways, config.activation_bits
        self.mix_scale, self.through_local, self.n_heads = c.mix_scale, c.through_local, c.n_heads
        self.norm = nn.LayerNorm(c.d_model)
        self.router = Router(c.d_model, has)
        self.local = LocalPathway(c.d_model, c.kernel_size, "local" in ternary) if "local" in has else None
        self.sparse = (
            SparsePathway(c.d_model, c.n_heads, c.head_dim, c.top_k, "sparse" in ternary, bits)
            if "sparse" in has
            else None
        )
        self.dense = DensePathway(c.d_model, c.hidden, "dense" in ternary, bits) if "dense" in has else None

    def forward(
        self, x: Tensor, past: BlockState | None, recorder: Recorder | None, changed: Changed | None = None
    ) -> tuple[Tensor, BlockState]:
        h = self.norm(x)
        weights = self.router(h)  # (B, T, P)
        if changed is not None:
            weights = changed(weights, self.router.present)
        local = sparse = dense = recent = keys = values = None
        if self.local is not None:
            local, recent = self.local(h, past.recent if past else None)
        if self.sparse is not None:
            memory = (past.keys, past.values) if past and past.keys is not None and past.values is not None else None
            wanted = (recorder.kept, recorder.mass) if recorder and recorder.attention else (None, None)
            sparse, (keys, values) = self.sparse(h, memory, *wanted)
        if self.dense is not None:
            dense = self.dense(h + local if self.through_local and local is not None else h)
        for weight, output in zip((self.mix_scale * weights).unbind(dim=-1), (local, sparse, dense), strict=True):
            if output is not None:
                x = x + weight[..., None] * output  # (B, T, d_model)
        if recorder is not None:
            recorder.router.append(weights)
            if self.sparse is None and recorder.attention:  # a place that no key fills, so that blocks stay countable
                place = (h.shape[0], self.n_heads, h.shape[1], 1)
                recorder.kept.append((torch.zeros(place, dtype=torch.int64), torch.zeros(place)))
                recorder.mass.append(torch.full(place[:3], torch.nan))
        return x, BlockState(keys, values, recent)


class TilelliLM(ByteLM):
    """A byte-level language model whose blocks route every byte over three pathways."""

    kind = "routed"

    def make_block(self, config: ModelConfig) -> Block:
        return RoutedBlock(config)
