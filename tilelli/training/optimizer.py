"""What turns gradients into new weights.

AdamW for everything; or Muon for the matrices inside the blocks and AdamW for the rest (embedding, positions, routers,
convolutions, vectors). Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) makes every direction of a matrix's
update equally large, which small models reward with much better figures for the same bytes. Both come from PyTorch;
here they are made to look like one.
"""

from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer

from tilelli.base import ByteLM
from tilelli.config import TrainingConfig

REMEMBERED = ("exp_avg", "exp_avg_sq", "step", "momentum_buffer")  # what the two keep of each parameter


class Optimizers:
    """Several optimizers, each with parameters of its own, as one."""

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts
        self._peak = [[float(group["lr"]) for group in part.param_groups] for part in parts]

    @property
    def param_groups(self) -> list[dict[str, object]]:
        return [group for part in self.parts for group in part.param_groups]

    def set_rate(self, share: float) -> None:
        """Bring every learning rate to `share` of its peak."""
        for part, peaks in zip(self.parts, self._peak, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = share * peak

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad()

    def memory_of(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """What is remembered of a parameter, empty before its first step."""
        kept = self._owner(parameter).state.get(parameter, {})
        return {key: kept[key] for key in REMEMBERED if key in kept}

    def remember(self, parameter: nn.Parameter, memory: dict[str, Tensor]) -> None:
        """Put back what `memory_of` gave."""
        self._owner(parameter).state[parameter] = memory

    def _owner(self, parameter: nn.Parameter) -> Optimizer:
        return next(part for part in self.parts if any(p is parameter for g in part.param_groups for p in g["params"]))


def make_optimizer(model: ByteLM, config: TrainingConfig) -> Optimizers:
    """As `config.optimizer` says; matrices decay, biases and norms do not."""
    orthogonal = [p for name, p in model.named_parameters() if config.optimizer == "muon" and _is_inner(name, p)]
    others = [p for p in model.parameters() if not any(p is o for o in orthogonal)]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    parts: list[Optimizer] = [AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95))]
    if orthogonal:
        parts.append(Muon(orthogonal, lr=config.muon_learning_rate, weight_decay=config.weight_decay))
    return Optimizers(*parts)


def _is_inner(name: str, parameter: Tensor) -> bool:
    """Matrices through which the stream is multiplied: neither tables, nor routers, nor one filter a channel."""
    return name.startswith("blocks.") and parameter.ndim == 2 and ".router." not in name and ".local." not in name
