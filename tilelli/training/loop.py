"""A training run: step after step, with evaluations in bits per byte, records, and saves that survive a kill.

What is trained on what is a `Task`, made by `pretraining.py` or `sft.py`; this module drives it. A run that is stopped
and resumed takes the same steps as one that is not, since a step depends on nothing but the weights, the optimizer, its
number and, for a stream, the place in it; all of them are saved.
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

import tilelli
from tilelli.base import ByteLM
from tilelli.checkpoint import save_checkpoint
from tilelli.config import TrainingConfig
from tilelli.machine import described
from tilelli.training.distributed import Group
from tilelli.training.health import write_sample
from tilelli.training.run import RunFolder
from tilelli.training.schedule import factor
from tilelli.training.step import Source, Trainer, uses_bfloat16

BOOKKEEPING = ("log_every", "eval_every", "save_every", "eval_bytes")  # may change when a run is resumed


@dataclass(frozen=True)
class Task:
    """What is trained, on what, and how it is judged.

    Attributes:
        model: fresh, or the one to train further.
        config: steps, rates and the rest.
        source: rows for every step.
        same: what a resumed run must agree on.
        provenance: what `training.json` says of it, besides what every run says.
        evaluate: figures on held-out data, `held_out_bpb` among them.
        bytes_a_step: text read in a step; for dialogues the mean.
        opening: what the samples continue.
        teacher: a trained model whose predictions are learned beside the text (Hinton et al. 2015, arXiv 1503.02531).
    """

    model: ByteLM
    config: TrainingConfig
    source: Source
    same: dict[str, Any]
    provenance: dict[str, Any]
    evaluate: Callable[[ByteLM], dict[str, float]]
    bytes_a_step: int
    opening: str = ""
    teacher: ByteLM | None = None


@dataclass(frozen=True)
class Step:
    """What is known after a step: `step` done of `steps`, and the newest figures in bits per byte."""

    step: int
    steps: int
    bpb: float
    bytes_per_second: float
    held_out_bpb: float | None


def train(
    task: Task,
    folder: RunFolder,
    resume: bool = False,
    on_step: Callable[[Step], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    group: Group | None = None,
) -> ByteLM:
    """Train a model and leave it, with its history, in `folder`.

    Args:
        task: what to train on what.
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
        return _train(task, folder, resume, on_step, should_stop, group)


def _train(
    task: Task,
    folder: RunFolder,
    resume: bool,
    on_step: Callable[[Step], None] | None,
    should_stop: Callable[[], bool] | None,
    group: Group,
) -> ByteLM:
    c = task.config
    group.wait()
    trainer = Trainer(c, task.model, task.source, group, task.teacher)
    model = trainer.model
    settings = {key: value for key, value in c.to_dict().items() if key not in BOOKKEEPING}
    same = {"model": model.config.to_dict(), "training": settings, **task.same}
    facts: dict[str, Any] = {"step": 0, "seconds": 0.0, **same}
    if resume and folder.has_state():
        facts = folder.load_state(model, trainer.optimizer, same)
        trainer.go_to(facts.get("places", []))
    held_out_bpb: float | None = None
    began, before = time.monotonic(), facts["seconds"]
    if group.main:
        folder.forget_after(facts["step"])  # a resumed run does again what it did after its last save
    model.provenance = _provenance(task, facts, folder, group)
    if facts["step"] and group.main:
        save_checkpoint(model, folder.path)  # a kill may have come between the state and the checkpoint

    def keep(step: int) -> None:
        facts.update(step=step, seconds=round(before + time.monotonic() - began, 1), places=trainer.places())
        model.provenance = _provenance(task, facts, folder, group)
        if group.main:
            folder.save_state(model, trainer.optimizer, facts)
            save_checkpoint(model, folder.path)

    for step in range(facts["step"], c.steps):
        step_began = time.monotonic()
        done, last = step + 1, step + 1 == c.steps
        evaluating = done % c.eval_every == 0 or last
        measured = trainer.take(step, watch=evaluating)
        speed = task.bytes_a_step / (time.monotonic() - step_began)
        if group.main and (done % c.log_every == 0 or last):
            speed_and_rate = {"lr": c.learning_rate * factor(step, c), "bytes_per_second": round(speed)}
            folder.log({"step": done, **measured.record(), **speed_and_rate})
        if group.main and evaluating:
            figures = task.evaluate(model)
            held_out_bpb = figures["held_out_bpb"]
            rounded = {name: round(value, 5) for name, value in figures.items()}
            record = {"step": done, **rounded, "bytes": done * task.bytes_a_step}
            folder.log(record | measured.trits | {"sample": write_sample(model, task.opening)})
        stopped = group.any(should_stop is not None and should_stop())
        if done % c.save_every == 0 or last or stopped:
            keep(done)
        if on_step:
            on_step(Step(done, c.steps, measured.bpb, speed, held_out_bpb))
        if stopped:
            break
    group.wait()
    return model.eval()


def _provenance(task: Task, facts: dict[str, Any], folder: RunFolder, group: Group) -> dict[str, Any]:
    """What `training.json` says: enough to train the same model again, and what came of it."""
    evaluations = [record for record in folder.metrics() if "held_out_bpb" in record]
    last = evaluations[-1] if evaluations else {}
    return {
        "recipe": {"model": task.model.config.to_dict(), "training": task.config.to_dict()},
        **task.provenance,
        "steps": facts["step"],
        "bytes_seen": facts["step"] * task.bytes_a_step,
        "seconds": facts["seconds"],
        "threads": torch.get_num_threads(),
        "bfloat16": uses_bfloat16(task.config.precision, group.device),
        "processes": group.size,
        "code": tilelli.__version__,
        "torch": torch.__version__,
        "machine": described(),
        "held_out": [[record["step"], record["held_out_bpb"]] for record in evaluations],
        "figures": {name: value for name, value in last.items() if isinstance(value, float)},
    }
