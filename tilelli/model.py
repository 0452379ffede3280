"""The routed network, bytes to logits.

    byte -> embedding + position -> block -> block -> ... -> norm -> logits over the next byte

Each block normalises the stream once, shows the result to three pathways, and adds their outputs back, mixed byte by
byte by the router. What is around the blocks stands in `base.py`; the pathways each have a file of their own.
"""

from torch import Tensor, nn

from tilelli.base import Block, ByteLM
from tilelli.config import ModelConfig
from tilelli.pathways import DensePathway, LocalPathway, SparsePathway
from tilelli.router import Router
from tilelli.state import BlockState
from tilelli.trace import Recorder


class RoutedBlock(Block):
    """`x + mix_scale * (w_local * local(h) + w_sparse * sparse(h) + w_dense * dense(h))` with `h = norm(x)`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        c, ternary = config, config.ternary
        self.mix_scale = c.mix_scale
        self.norm = nn.LayerNorm(c.d_model)
        self.router = Router(c.d_model)
        self.local = LocalPathway(c.d_model, c.kernel_size, "local" in ternary)
        self.sparse = SparsePathway(c.d_model, c.n_heads, c.head_dim, c.top_k, "sparse" in ternary)
        self.dense = DensePathway(c.d_model, c.hidden, "dense" in ternary)

    def forward(
        self, x: Tensor, past: BlockState | None, recorder: Recorder | None, forced: Tensor | None
    ) -> tuple[Tensor, BlockState, Tensor | None]:
        h = self.norm(x)  # (B, T, d_model)
        weights = self.router(h) if forced is None else forced.to(h).expand(*h.shape[:2], -1)  # (B, T, P)
        local, recent = self.local(h, past.recent if past else None)
        sparse, (keys, values) = self.sparse(
            h, (past.keys, past.values) if past else None, recorder.kept if recorder else None
        )
        dense = self.dense(h)
        w = (self.mix_scale * weights).unbind(dim=-1)  # P of (B, T)
        mixed = w[0][..., None] * local + w[1][..., None] * sparse + w[2][..., None] * dense  # (B, T, d_model)
        if recorder is not None:
            recorder.router.append(weights)
        return x + mixed, BlockState(keys, values, recent), weights


class TilelliLM(ByteLM):
    """A byte-level language model whose blocks route every byte over three pathways."""

    kind = "routed"

    def make_block(self, config: ModelConfig) -> Block:
        return RoutedBlock(config)
