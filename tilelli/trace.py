"""Run once and write down what every layer did.

The model fills a `Recorder` as it goes; `trace` turns it into one frozen record from which pages and probes read
everything they need, so that nothing is computed twice and no hook is ever put on the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tilelli.config import PATHWAYS, ModelConfig
from tilelli.errors import InputError
from tilelli.tokenizer import check_bytes

if TYPE_CHECKING:
    from tilelli.base import ByteLM
    from tilelli.interventions import Change


@dataclass
class Recorder:
    """Collects, block by block, what `forward` passes through.

    Attributes:
        attention: whether the kept keys are wanted too; finding them out costs time.
        stream: whether the residual stream itself is wanted too.
        router: (B, T, P) a block, of routed models.
        kept: indices and weights, (B, H, T, K) each, a block that attends.
        mass: (B, H, T) a block, of routed models: what the kept keys would hold of the attention if none were dropped.
        norms: (B, T), one more than there are blocks.
        residuals: (B, T, d_model), one more than there are blocks.
        abstain: (B, T) logits of the abstain head, where there is one.
    """

    attention: bool = True
    stream: bool = False
    router: list[Tensor] = field(default_factory=list)
    kept: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    mass: list[Tensor] = field(default_factory=list)
    norms: list[Tensor] = field(default_factory=list)
    residuals: list[Tensor] = field(default_factory=list)
    abstain: Tensor | None = None

    def pass_by(self, x: Tensor) -> None:
        """Take note of the residual stream (B, T, d_model) before a block, or after the last."""
        self.norms.append(x.norm(dim=-1))
        if self.stream:
            self.residuals.append(x)


@dataclass(frozen=True)
class Trace:
    """What one forward pass did. L blocks, B texts, T bytes, H heads, K kept keys, P pathways.

    Attributes:
        ids: (B, T) int64, the bytes read.
        probabilities: (B, T, 256), the distribution over the byte after each position.
        router_weights: (L, B, T, P) in the order of `PATHWAYS`, rows add up to 1; None for vanilla models.
        kept_keys: (L, B, H, T, K) int64, positions of the keys that each query kept, heaviest first.
        kept_weights: (L, B, H, T, K), their softmax weights; 0 marks a place that no key fills.
        residual_norms: (L + 1, B, T), Euclidean norm of the residual stream before each block and after the last.
        abstain: (B, T), probability that the right reply to a prompt ending here is to abstain; None without a head.
        kept_mass: (L, B, H, T), the share that the kept keys would hold if no key were dropped, 0 to 1: how much of
            dense attention the selection leaves. None for vanilla models, which keep all; NaN where nothing attends.
        pathways: names of those that the blocks have; the others weigh 0, for want of a pathway. Empty for vanilla
            models.

    All numbers but the bytes and the keys are float32, whatever the model computes in.
    """

    ids: Tensor
    probabilities: Tensor
    router_weights: Tensor | None
    kept_keys: Tensor
    kept_weights: Tensor
    residual_norms: Tensor
    abstain: Tensor | None = None
    kept_mass: Tensor | None = None
    pathways: tuple[str, ...] = PATHWAYS

    @property
    def byte_probabilities(self) -> Tensor:
        """(B, T - 1): the probability each byte had just before it was read, from the second byte on."""
        return self.probabilities[:, :-1].gather(-1, self.ids[:, 1:, None])[..., 0]

    @property
    def entropies(self) -> Tensor:
        """(B, T): entropy in bits of the distribution over the next byte; 0 is certain, 8 knows nothing."""
        p = self.probabilities
        return -(p * p.clamp(min=1e-30).log2()).sum(dim=-1)

    @property
    def bits(self) -> Tensor:
        """(B, T - 1): surprise in bits at each byte from the second on; its mean is bits per byte."""
        return -self.byte_probabilities.clamp(min=1e-30).log2()


def trace(model: "ByteLM", ids: Sequence[int] | Tensor, interventions: Sequence["Change"] = ()) -> Trace:
    """Read `ids`, (T,) or (B, T) with 1 <= T <= context, and record what happened.

    With `interventions` the router weights recorded are those that were used, not those that the routers chose.

    Raises:
        InputError: there is no byte, one is not in 0..255, or there are more than the context holds; or an intervention
            finds nothing to change.
    """
    ids = torch.as_tensor(ids, dtype=torch.int64)
    ids = ids[None] if ids.ndim == 1 else ids
    check_bytes(ids.flatten().tolist())
    if ids.shape[1] == 0:
        raise InputError("There is nothing to trace", "an empty text", "Give at least one byte.")
    recorder = Recorder()
    with torch.no_grad():
        logits, _ = model(ids, trace=recorder, interventions=interventions)
    config = model.config
    return Trace(
        ids=ids,
        probabilities=logits.softmax(dim=-1).cpu(),
        router_weights=_stacked(recorder.router) if recorder.router else None,
        kept_keys=torch.stack([index for index, _ in recorder.kept]).cpu(),
        kept_weights=_stacked([weights for _, weights in recorder.kept]),
        residual_norms=_stacked(recorder.norms),
        abstain=None if recorder.abstain is None else recorder.abstain.float().sigmoid().cpu(),
        kept_mass=_stacked(recorder.mass) if recorder.mass else None,
        pathways=tuple(name for name in PATHWAYS if name in config.pathways) if config.kind == "routed" else (),
    )


def places(config: ModelConfig, T: int) -> int:
    """How many places for kept keys the trace of T bytes has: nearly all of its memory, at 12 bytes each."""
    return config.n_blocks * config.n_heads * T * (min(config.top_k, T) if config.kind == "routed" else T)


def _stacked(blocks: list[Tensor]) -> Tensor:
    return torch.stack(blocks).float().cpu()
