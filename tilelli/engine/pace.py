"""How fast a model writes when small router weights are left out: the compiled engine, threshold by threshold."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from tilelli.engine.arrays import Compiled
from tilelli.engine.compiled import stream
from tilelli.sampling import Sampling

ROUNDS = 15
NUMBER = 96  # bytes written for each threshold in each round


def paces(
    model: Compiled,
    thresholds: Sequence[float],
    prompt: Sequence[int],
    rounds: int = ROUNDS,
    number: int = NUMBER,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[list[float]]:
    """Bytes a second after a prompt, for each threshold in each of so many rounds, one round before them left out.

    In a round each threshold has its turn, so that what slows the machine for a while slows all of them. Only whole
    rounds count; `should_stop` is asked before each turn.

    Raises:
        InputError: there is no machine code.
    """
    sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
    models = [_skipping(model, threshold) for threshold in thresholds]
    turns = list[float]()
    for each in models * (rounds + 1):
        if should_stop():
            break
        turns.append(_pace(each, prompt, sampling))
    whole = len(turns) // len(models)
    return np.reshape(turns[: whole * len(models)], (whole, len(models)))[1:].T.tolist()  # type: ignore[no-any-return]


def _skipping(model: Compiled, threshold: float) -> Compiled:
    below = np.full(model.config.n_blocks, threshold, np.float32)
    return Compiled(model.config, model.weights._replace(thresholds=below), model.numbers, model.threads)


def _pace(model: Compiled, prompt: Sequence[int], sampling: Sampling) -> float:
    """Bytes a second, without the first, which takes reading the prompt."""
    written = stream(model, prompt, sampling)
    next(written)
    start = time.perf_counter()
    return sum(1 for _ in written) / (time.perf_counter() - start)
