"""What one conversation has to remember: an argument of the model, never an attribute of it.

A state is a value. `model(ids, state)` returns a new one and leaves the old as it was, so a conversation can be
branched by keeping a state, and one model object can serve many conversations at once.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class BlockState:
    """Memory of one block: `keys` and `values` (B, H, S, head_dim), and for routed blocks the last inputs of the
    convolution, `recent` (B, kernel_size - 1, d_model). What a block lacks is None."""

    keys: Tensor | None
    values: Tensor | None
    recent: Tensor | None = None


@dataclass(frozen=True)
class DecodeState:
    """Memory of a conversation: `position` bytes read so far, and one `BlockState` a block."""

    position: int
    blocks: tuple[BlockState, ...]

    def only(self, which: Tensor) -> "DecodeState":
        """The memory of some of the conversations, told by a mask (B,) or by their numbers."""
        rows = [
            [None if own is None else own[which] for own in (block.keys, block.values, block.recent)]
            for block in self.blocks
        ]
        return DecodeState(self.position, tuple(BlockState(*row) for row in rows))
