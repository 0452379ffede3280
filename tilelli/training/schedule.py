"""The learning rate: linear warm-up, then half a cosine."""

import math

from tilelli.config import TrainingConfig


def factor(step: int, config: TrainingConfig) -> float:
    """Share of the peak rate at step `step` (counted from 0): up to 1, then down to `final_lr_ratio` at the end."""
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    low = config.final_lr_ratio
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
