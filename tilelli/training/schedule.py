"""The learning rate: linear warm-up, then half a cosine."""

import math

from tilelli.config import TrainingConfig


def learning_rate(step: int, config: TrainingConfig) -> float:
    """Rate of step `step` (counted from 0): up to `learning_rate`, then down to `final_lr_ratio` of it at the end."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    low = config.final_lr_ratio
    return config.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
