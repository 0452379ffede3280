"""A training run: step after step, with evaluations in bits per byte, records, and saves that survive a kill.

A run that is stopped and resumed takes the same steps as one that is not, since a step depends on nothing but the
weights, the optimizer and its number.
"""

import platform
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

import tilelli
from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint
from tilelli.config import Recipe
from tilelli.data.corpus import Corpus
from tilelli.evaluation import evaluate
from tilelli.training.distributed import Group
from tilelli.training.health import write_sample
from tilelli.training.run import RunFolder
from tilelli.training.schedule import learning_rate
from tilelli.training.step import Trainer, uses_bfloat16

BOOKKEEPING = ("log_every", "eval_every", "save_every", "eval_bytes")  # may change when a run is resumed


@dataclass(frozen=True)
class Step:
    """What is known after a step: `step` done of `steps`, and the newest figures in bits per byte."""

    step: int
    steps: int
    bpb: float
    bytes_per_second: float
    held_out_bpb: float | None


def train(
    recipe: Recipe,
    corpus: Corpus,
    held_out: list[bytes],
    folder: RunFolder,
    resume: bool = False,
    on_step: Callable[[Step], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    group: Group | None = None,
) -> ByteLM:
    """Train a model and leave it, with its history, in `folder`.

    Args:
        recipe: the model and how to train it.
        corpus: documents to train on; none of `held_out` may be among them.
        held_out: documents for evaluation; the first `eval_bytes` of them are used.
        folder: where the run is kept.
        resume: go on from the last save, if there is one.
        on_step: called after each step.
        should_stop: asked after each step; true saves and returns.
        group: the processes that train together; this one alone if None.

    Raises:
        TrainingError: the folder holds another run, another process trains it, the batch cannot be divided, or the
            loss is no longer a number.
    """
    group = group or Group()
    if group.main:
        folder.claim(resume)
    with folder.held() if group.main else nullcontext():
        return _train(recipe, corpus, held_out, folder, resume, on_step, should_stop, group)


def _train(
    recipe: Recipe,
    corpus: Corpus,
    held_out: list[bytes],
    folder: RunFolder,
    resume: bool,
    on_step: Callable[[Step], None] | None,
    should_stop: Callable[[], bool] | None,
    group: Group,
) -> ByteLM:
    c = recipe.training
    group.wait()
    trainer = Trainer(recipe, corpus.documents, group)
    model = trainer.model
    settings = {key: value for key, value in c.to_dict().items() if key not in BOOKKEEPING}
    same = {"model": recipe.model.to_dict(), "training": settings, "data": corpus.sha256}
    facts: dict[str, Any] = {"step": 0, "seconds": 0.0, **same}
    if resume and folder.has_state():
        facts = folder.load_state(model, trainer.optimizer, same)
    sample = _first_bytes(held_out, c.eval_bytes)
    bytes_a_step = c.batch_size * recipe.model.context
    held_out_bpb: float | None = None
    began, before = time.monotonic(), facts["seconds"]
    if group.main:
        folder.forget_after(facts["step"])  # a resumed run does again what it did after its last save
    model.provenance = _provenance(recipe, corpus, facts, bytes_a_step, folder, group)
    if facts["step"] and group.main:
        save_checkpoint(model, folder.path)  # a kill may have come between the state and the checkpoint

    def keep(step: int) -> None:
        facts.update(step=step, seconds=round(before + time.monotonic() - began, 1))
        model.provenance = _provenance(recipe, corpus, facts, bytes_a_step, folder, group)
        if group.main:
            folder.save_state(model, trainer.optimizer, facts)
            save_checkpoint(model, folder.path)

    for step in range(facts["step"], c.steps):
        step_began = time.monotonic()
        done, last = step + 1, step + 1 == c.steps
        evaluating = done % c.eval_every == 0 or last
        measured = trainer.take(step, watch=evaluating)
        speed = bytes_a_step / (time.monotonic() - step_began)
        if group.main and (done % c.log_every == 0 or last):
            speed_and_rate = {"lr": learning_rate(step, c), "bytes_per_second": round(speed)}
            folder.log({"step": done, **measured.record(), **speed_and_rate})
        if group.main and evaluating:
            held_out_bpb = evaluate(model, sample).bits_per_byte
            record = {"step": done, "held_out_bpb": round(held_out_bpb, 5), "bytes": done * bytes_a_step}
            folder.log(record | measured.trits | {"sample": write_sample(model)})
        stopped = group.any(should_stop is not None and should_stop())
        if done % c.save_every == 0 or last or stopped:
            keep(done)
        if on_step:
            on_step(Step(done, c.steps, measured.bpb, speed, held_out_bpb))
        if stopped:
            break
    group.wait()
    return model.eval()


def _first_bytes(documents: list[bytes], limit: int) -> list[bytes]:
    chosen, total = [], 0
    for document in documents:
        if total >= limit:
            break
        chosen.append(document[: limit - total])
        total += len(chosen[-1])
    return chosen


def _provenance(
    recipe: Recipe, corpus: Corpus, facts: dict[str, Any], bytes_a_step: int, folder: RunFolder, group: Group
) -> dict[str, Any]:
    """What `training.json` says: enough to train the same model again, and what came of it."""
    evaluations = [record for record in folder.metrics() if "held_out_bpb" in record]
    return {
        "recipe": {"model": recipe.model.to_dict(), "training": recipe.training.to_dict()},
        "data": {
            "source": corpus.source.rsplit("/", 1)[-1],
            "sha256": corpus.sha256,
            "documents": len(corpus.documents),
            "bytes": corpus.bytes,
        },
        "steps": facts["step"],
        "bytes_seen": facts["step"] * bytes_a_step,
        "seconds": facts["seconds"],
        "threads": torch.get_num_threads(),
        "bfloat16": uses_bfloat16(recipe.training.precision, group.device),
        "processes": group.size,
        "code": tilelli.__version__,
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "held_out": [[record["step"], record["held_out_bpb"]] for record in evaluations],
    }
