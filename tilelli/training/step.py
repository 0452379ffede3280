"""One training step: forward, backward, clipped gradient, update.

A step is a function of the weights, the optimizer, its own number and, where the rows come from a stream, the place in
it. The rows come from a source in `data`, the rate from `schedule`. The batch may be divided among processes
(`distributed`) and, to save memory, into parts whose gradients are added up; neither changes what the step does, to
rounding.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from tilelli.base import ByteLM
from tilelli.config import TrainingConfig
from tilelli.costs import cost_shares
from tilelli.data.batch import Batch
from tilelli.errors import TrainingError
from tilelli.router import balance_loss, compute_loss
from tilelli.trace import Recorder
from tilelli.training.distributed import Group
from tilelli.training.health import compare, trits
from tilelli.training.optimizer import make_optimizer
from tilelli.training.schedule import factor


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


class Source(Protocol):
    """Where the rows of a step come from: a function of the step's number alone."""

    def batch(self, step: int) -> Batch: ...


@runtime_checkable
class Stream(Source, Protocol):
    """A source that is read from the first step on: it gives this process its own rows, and keeps its place."""

    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any]) -> None: ...


class Trainer:
    """Model, optimizer and the source of rows, and the one thing done with them: a step."""

    def __init__(
        self, config: TrainingConfig, model: ByteLM, source: Source, group: Group, teacher: ByteLM | None = None
    ) -> None:
        c = config
        if (teacher is not None) != (c.distill > 0):
            seen = f"distill {c.distill:g} with {'a' if teacher else 'no'} teacher"
            raise TrainingError("A teacher and its weight go together", seen, "Give both `distill` and a teacher.")
        if c.batch_size % (group.size * c.accumulate):
            seen = f"{c.batch_size} windows for {group.size} processes of {c.accumulate} parts"
            raise TrainingError("The batch cannot be divided evenly", seen, "Choose another batch_size or accumulate.")
        self.config, self.group, self.source = c, group, source
        self.model = model.to(group.device).train()
        self.teacher = None if teacher is None else teacher.to(group.device).eval()
        self.optimizer = make_optimizer(self.model, c)
        wrapped = group.wrap(self.model)
        self._wrapped = wrapped
        self._logits = torch.compile(self._read) if c.compile else self._read
        self._half = uses_bfloat16(c.precision, group.device)

    def take(self, step: int, watch: bool = False) -> Measured:
        """Step number `step`, counted from 0: forward, backward, clip, update; `watch` also counts flipped trits."""
        before = trits(self.model) if watch else {}
        c = self.config
        self.optimizer.set_rate(factor(step, c))
        parts = self.own_rows(step).chunks(c.accumulate)
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

    def own_rows(self, step: int) -> Batch:
        """What this process reads of a step."""
        batch = self.source.batch(step)
        own = isinstance(self.source, Stream)
        return batch.share(0, 1, self.group.device) if own else self.group.divide(batch)

    def places(self) -> list[dict[str, Any]]:
        """Where the source stands in each process; empty if it keeps no place."""
        return self.group.gather(self.source.state()) if isinstance(self.source, Stream) else []

    def go_to(self, places: list[dict[str, Any]]) -> None:
        """Bring the source to where `places` says that it stood."""
        if isinstance(self.source, Stream):
            self.source.restore(places[self.group.rank])

    def _read(self, ids: Tensor, seen: Recorder) -> Tensor:
        """Logits alone: a compiled function that also gives views, as the state is, fails in torch 2.13 once it comes
        from the cache."""
        logits: Tensor = self._wrapped(ids, trace=seen)[0]
        return logits

    def _accumulate(self, part: Batch, last: bool) -> tuple[Tensor, Tensor]:
        """Add the gradient of some rows; returns their loss in nats a byte and the mean router weights (L, P)."""
        c, seen = self.config, Recorder(attention=False)
        alone = isinstance(self._wrapped, DistributedDataParallel) and not last  # the group is asked once a step
        with self._wrapped.no_sync() if alone else nullcontext():  # type: ignore[operator]
            with torch.autocast(self.group.device.type, torch.bfloat16, enabled=self._half):
                logits = self._logits(part.ids[:, :-1], seen)
            losses = F.cross_entropy(logits.flatten(0, 1), part.ids[:, 1:].flatten(), reduction="none")
            loss = nats = part.nats(losses.view_as(part.counted))
            if self.teacher is not None and part.is_text:
                loss = (1 - c.distill) * nats + c.distill * part.nats(self._from_teacher(part.ids[:, :-1], logits))
            if seen.router:
                loss = loss + self._routing(seen.router)
            if seen.abstain is not None:
                asked = part.abstain.isfinite()
                wrong = F.binary_cross_entropy_with_logits(
                    seen.abstain.float()[asked], part.abstain[asked], reduction="sum"
                )
                loss = loss + c.abstain * wrong / len(part.ids)
            (loss / c.accumulate).backward()  # type: ignore[no-untyped-call]
        shares = [w.detach().float().mean(dim=(0, 1)) for w in seen.router]
        return nats.detach(), torch.stack(shares) if shares else torch.empty(0)

    def _routing(self, routers: Sequence[Tensor]) -> Tensor:
        """What is asked of the weights (B, T, P) of each block beside good predictions."""
        c, costs = self.config, cost_shares(self.model.config)
        asked = [c.balance * balance_loss(w) + (c.budget * compute_loss(w, costs) if c.budget else 0) for w in routers]
        return torch.stack(asked).mean()

    def _from_teacher(self, ids: Tensor, logits: Tensor) -> Tensor:
        """Divergence of the model's prediction from its teacher's after each byte, in nats (B, T)."""
        assert self.teacher is not None
        with torch.no_grad(), torch.autocast(self.group.device.type, torch.bfloat16, enabled=self._half):
            wanted = self.teacher(ids)[0].log_softmax(dim=-1)
        return F.kl_div(logits.log_softmax(dim=-1), wanted, reduction="none", log_target=True).sum(dim=-1)


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """What `precision` means on this device: emulated, bfloat16 is slower than float32, so `auto` avoids that."""
    if precision == "auto" and device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    native = torch.cpu.get_capabilities()
    return precision == "bfloat16" or (
        precision == "auto" and bool(native.get("avx512_bf16") or native.get("amx_bf16"))
    )
