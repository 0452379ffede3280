"""One training step: forward, backward, clipped gradient, AdamW.

A step is a function of the weights, the optimizer and its own number: the windows come from `data.windows`, the rate
from `schedule`. The batch may be divided among processes (`distributed`) and, to save memory, into parts whose
gradients are added up; neither changes what the step does, to rounding.
"""

import math
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from tilelli.base import ByteLM, build
from tilelli.config import Recipe
from tilelli.data.windows import Windows
from tilelli.errors import TrainingError
from tilelli.router import balance_loss
from tilelli.training.distributed import Group
from tilelli.training.health import compare, trits
from tilelli.training.schedule import learning_rate


@dataclass(frozen=True)
class Measured:
    """What a step measured.

    Attributes:
        bpb: training loss in bits per byte.
        grad_norm: before clipping.
        shares: mean router weights by block, L of P.
        trits: shares of zeros and of flips in this step, where they were watched.
    """

    bpb: float
    grad_norm: float
    shares: list[list[float]]
    trits: dict[str, float]

    def record(self) -> dict[str, Any]:
        """As `metrics.jsonl` keeps it."""
        shares = [[round(share, 4) for share in block] for block in self.shares]
        return {"bpb": round(self.bpb, 5), "grad_norm": round(self.grad_norm, 4), "shares": shares}


class Trainer:
    """Model, optimizer and windows, and the one thing done with them: a step."""

    def __init__(self, recipe: Recipe, documents: list[bytes], group: Group) -> None:
        c = recipe.training
        if c.batch_size % (group.size * c.accumulate):
            seen = f"{c.batch_size} windows for {group.size} processes of {c.accumulate} parts"
            raise TrainingError("The batch cannot be divided evenly", seen, "Choose another batch_size or accumulate.")
        torch.manual_seed(c.seed)
        self.config, self.group = c, group
        self.model = build(recipe.model).to(group.device)
        self.optimizer = make_optimizer(self.model, c.weight_decay)
        self.windows = Windows(documents, recipe.model.context, c.batch_size, c.seed)
        wrapped = group.wrap(self.model)
        self._forward = torch.compile(wrapped) if c.compile else wrapped
        self._wrapped = wrapped
        self._half = uses_bfloat16(c.precision, group.device)

    def take(self, step: int, watch: bool = False) -> Measured:
        """Step number `step`, counted from 0: forward, backward, clip, update; `watch` also counts flipped trits."""
        before = trits(self.model) if watch else {}
        c = self.config
        for settings in self.optimizer.param_groups:
            settings["lr"] = learning_rate(step, c)
        parts = self.group.divide(self.windows.batch(step)).chunk(c.accumulate)
        results = [self._accumulate(part, last=part is parts[-1]) for part in parts]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), c.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        bpb = self.group.mean(torch.stack([nats for nats, _ in results]).mean()) / math.log(2)
        if not math.isfinite(bpb):
            seen, remedy = f"step {step + 1}", "Start again with a lower learning_rate."
            raise TrainingError("The loss is no longer a number", seen, remedy)
        shares = torch.stack([shares for _, shares in results]).mean(dim=0).tolist()
        return Measured(bpb, float(norm), shares, compare(before, trits(self.model)) if watch else {})

    def _accumulate(self, rows: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """Add the gradient of some windows; returns their loss in nats a byte and the mean router weights (L, P)."""
        c = self.config
        routing: list[Tensor] = []
        alone = isinstance(self._wrapped, DistributedDataParallel) and not last  # the group is asked once a step
        with self._wrapped.no_sync() if alone else nullcontext():  # type: ignore[operator]
            with torch.autocast(self.group.device.type, torch.bfloat16, enabled=self._half):
                logits, _ = self._forward(rows[:, :-1], router_weights=routing)
            nats = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
            loss = nats + c.balance * sum(balance_loss(w) for w in routing) / len(routing) if routing else nats
            (loss / c.accumulate).backward()  # type: ignore[no-untyped-call]
        shares = [w.detach().float().mean(dim=(0, 1)) for w in routing]
        return nats.detach(), torch.stack(shares) if shares else torch.empty(0)


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """What `precision` means on this device: emulated, bfloat16 is slower than float32, so `auto` avoids that."""
    if precision == "auto" and device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    native = torch.cpu.get_capabilities()
    return precision == "bfloat16" or (
        precision == "auto" and bool(native.get("avx512_bf16") or native.get("amx_bf16"))
    )


def make_optimizer(model: ByteLM, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices and leaves biases and norms alone."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95))
