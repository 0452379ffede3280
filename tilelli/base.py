"""What every byte-level language model can do, whatever its blocks are.

`TilelliLM` and `VanillaLM` share their embedding, positions, head and memory of a conversation; they differ only in the
block. This class holds what they share, and is the type that pages and probes ask for.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from tilelli.config import ModelConfig
from tilelli.errors import ConfigError, InputError
from tilelli.interventions import Change
from tilelli.state import BlockState, DecodeState
from tilelli.tokenizer import VOCABULARY
from tilelli.trace import Recorder

Changed = Callable[[Tensor, Sequence[int]], Tensor]
"""Router weights (B, T, P) and the numbers of the pathways a block has -> the weights to use."""


class Block(nn.Module):
    """One block: reads and changes the residual stream. Subclasses are `RoutedBlock` and `VanillaBlock`."""

    def forward(
        self, x: Tensor, past: BlockState | None, recorder: Recorder | None, changed: Changed | None = None
    ) -> tuple[Tensor, BlockState]:
        """(B, T, d_model) -> the changed stream, and the new memory."""
        raise NotImplementedError


class ByteLM(nn.Module):
    """Bytes in, logits over the next byte out. Subclasses say which block stands in between."""

    kind: ClassVar[str]
    provenance: dict[str, Any]
    """Where the weights came from: `training.json` of the checkpoint, empty for a fresh model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.kind != self.kind:
            raise ConfigError(f"{type(self).__name__} needs kind {self.kind}", config.kind, "Use tilelli.base.build.")
        self.config = config
        self.provenance = {}
        self.embedding = nn.Embedding(VOCABULARY, config.d_model)
        self.positions = nn.Embedding(config.context, config.d_model)
        self.blocks = nn.ModuleList(self.make_block(config) for _ in range(config.n_blocks))
        self.norm = nn.LayerNorm(config.d_model)
        self.abstain = nn.Linear(config.d_model + 1, 1) if config.abstain else None
        self._initialise()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.embedding.weight.device

    def make_block(self, config: ModelConfig) -> Block:
        raise NotImplementedError

    def forward(
        self,
        ids: Tensor,
        state: DecodeState | None = None,
        trace: Recorder | None = None,
        interventions: Sequence[Change] = (),
    ) -> tuple[Tensor, DecodeState]:
        """Predict the byte after each given one.

        Args:
            ids: (B, T) int64 in 0..255.
            state: memory of what came before; None at the start of a text. It is read, never changed.
            trace: filled with what each block did, with its gradient where gradients are wanted.
            interventions: what is done to the router weights, one after another; see `tilelli.interventions`.

        Returns:
            Logits (B, T, 256) float32, and the memory that the next call needs.

        Raises:
            InputError: the text would run past the context, or an intervention finds nothing to change.
        """
        start = state.position if state else 0
        end = start + ids.shape[1]
        if end > self.config.context:
            raise InputError(
                "The text is longer than the context",
                f"{end} bytes for {self.config.context} positions",
                "Shorten it, or let tilelli.generation slide the window.",
            )
        for intervention in interventions:
            intervention.check(self.config)
        x, memory = self.embed(ids, start), []
        for number, block in enumerate(self.blocks):
            if trace is not None:
                trace.pass_by(x)
            past = state.blocks[number] if state else None
            x, kept = block(x, past, trace, _changed(interventions, number, start) if interventions else None)
            memory.append(kept)
        h = self.norm(x)
        if trace is not None:
            trace.pass_by(x)
        logits = self.read_out(h).float()
        if trace is not None and self.abstain is not None:
            trace.abstain = self.abstain(torch.cat((h, entropy(logits.detach())[..., None]), dim=-1))[..., 0]
        return logits, DecodeState(end, tuple(memory))

    def embed(self, ids: Tensor, start: int = 0) -> Tensor:
        """The stream (B, T, d_model) before the first block, from bytes (B, T), the first of them at `start`."""
        places = self.positions.weight[start : start + ids.shape[1]]
        return self.embedding(ids.to(self.device)) + places  # type: ignore[no-any-return]

    def through(self, x: Tensor, first: int, end: int, interventions: Sequence[Change] = ()) -> Tensor:
        """The stream x (B, T, d_model) before block number `first` as it is before block number `end`.

        For whole texts, read from their start. Who has checked the interventions can so read a text up to some block
        once, and on from there in many ways.
        """
        for number in range(first, end):
            x, _ = self.blocks[number](x, None, None, _changed(interventions, number, 0) if interventions else None)
        return x

    def read_out(self, h: Tensor) -> Tensor:
        """Logits (..., 256) of a normalised stream (..., d_model): the head is the embedding, turned round."""
        return h @ self.embedding.weight.T

    def num_parameters(self) -> int:
        """Trainable numbers. The head shares the embedding and is counted once."""
        return sum(p.numel() for p in self.parameters())

    def generate(self, ids: Sequence[int], max_new: int = 128, **settings: Any) -> list[int]:
        """Prompt and continuation, as a list of ints; see `tilelli.generation.Sampling` for the settings."""
        return [*ids, *self.stream(ids, max_new, **settings)]

    def stream(self, ids: Sequence[int], max_new: int = 128, **settings: Any) -> Iterator[int]:
        """The continuation byte by byte, as it is made; see `tilelli.generation.Sampling` for the settings."""
        from tilelli.generation import Sampling, stream

        return (step.byte for step in stream(self, ids, Sampling(max_new=max_new, **settings)))

    @classmethod
    def from_pretrained(cls, name: str | Path) -> Self:
        """Load a bundled name, a folder, a file or a hub name; see `tilelli.checkpoint.load`."""
        from tilelli.checkpoint import load

        return load(name, expect=cls)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write `model.safetensors`, `config.json` and `training.json`; see `tilelli.checkpoint.save_checkpoint`."""
        from tilelli.checkpoint import save_checkpoint

        return save_checkpoint(self, folder)

    @torch.no_grad()
    def _initialise(self) -> None:
        """Matrices keep the size of what passes through them; those that write to the stream share its budget."""
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif name.startswith(("embedding", "positions")):
                parameter.normal_(std=0.02)
            elif parameter.ndim == 2:
                std = parameter.shape[1] ** -0.5
                if name.endswith(("out.weight", "down.weight")):
                    std /= math.sqrt(2 * self.config.n_blocks)
                parameter.normal_(std=std)


def entropy(logits: Tensor) -> Tensor:
    """Of the distribution over the next byte, in bits: (..., 256) -> (...). 0 is certain, 8 knows nothing."""
    logs = logits.log_softmax(dim=-1)
    return -(logs.exp() * logs).sum(dim=-1) / math.log(2)


def _changed(interventions: Sequence[Change], block: int, start: int) -> Changed:
    """All interventions as one, for the bytes from position `start` on in one block."""

    def changed(weights: Tensor, present: Sequence[int]) -> Tensor:
        for intervention in interventions:
            weights = intervention.change(weights, block, start, present)
        return weights

    return changed


def build(config: ModelConfig) -> ByteLM:
    """A fresh model of the kind that the configuration names."""
    from tilelli.model import TilelliLM
    from tilelli.vanilla import VanillaLM

    return TilelliLM(config) if config.kind == TilelliLM.kind else VanillaLM(config)
