"""Training steps: AdamW, warm-up and cosine, clipped gradients, evaluation in bits per byte, saves that survive a kill.

A step is a function of the weights, the optimizer and its own number: the windows come from `data.windows`, the rate
from `schedule`. So a run that is stopped and resumed takes the same steps as one that is not.
"""

import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import tilelli
from tilelli.base import ByteLM, build
from tilelli.checkpoint import save_checkpoint
from tilelli.config import Recipe
from tilelli.data.corpus import Corpus
from tilelli.data.windows import Windows
from tilelli.errors import TrainingError
from tilelli.evaluation import evaluate
from tilelli.router import balance_loss
from tilelli.training.run import RunFolder
from tilelli.training.schedule import learning_rate

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

    Raises:
        TrainingError: the folder holds another run, or the loss is no longer a number.
    """
    c = recipe.training
    folder.claim(resume)
    torch.manual_seed(c.seed)
    model = build(recipe.model)
    optimizer = make_optimizer(model, c.weight_decay)
    windows = Windows(corpus.documents, recipe.model.context, c.batch_size, c.seed)
    settings = {key: value for key, value in c.to_dict().items() if key not in BOOKKEEPING}
    same = {"model": recipe.model.to_dict(), "training": settings, "data": corpus.sha256}
    facts: dict[str, Any] = {"step": 0, "seconds": 0.0, **same}
    if resume and folder.has_state():
        facts = folder.load_state(model, optimizer, same)
    else:
        folder.forget_after(0)  # records of a run that was killed before its first save
    forward = torch.compile(model) if c.compile else model
    half = uses_bfloat16(c.precision)
    sample = _first_bytes(held_out, c.eval_bytes)
    bytes_a_step = c.batch_size * recipe.model.context
    held_out_bpb: float | None = None
    began, before, stopped = time.monotonic(), facts["seconds"], False

    model.provenance = _provenance(recipe, corpus, facts, bytes_a_step, folder)
    if facts["step"]:
        save_checkpoint(model, folder.path)  # a kill may have come between the state and the checkpoint

    def keep(step: int) -> None:
        facts.update(step=step, seconds=round(before + time.monotonic() - began, 1))
        model.provenance = _provenance(recipe, corpus, facts, bytes_a_step, folder)
        folder.save_state(model, optimizer, facts)
        save_checkpoint(model, folder.path)

    for step in range(facts["step"], c.steps):
        step_began = time.monotonic()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, c)
        routing: list[Tensor] = []
        batch = windows.batch(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits, _ = forward(batch[:, :-1], router_weights=routing)
        nats = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss = nats + c.balance * sum(balance_loss(w) for w in routing) / len(routing) if routing else nats
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), c.clip_norm)
        optimizer.step()
        optimizer.zero_grad()
        done = step + 1
        bpb = nats.item() / math.log(2)
        speed = bytes_a_step / (time.monotonic() - step_began)
        if not math.isfinite(bpb):
            raise TrainingError(
                "The loss is no longer a number", f"step {done}", "Start again with a lower learning_rate."
            )
        if done % c.log_every == 0 or done == c.steps:
            shares = [[round(s, 4) for s in w.detach().float().mean(dim=(0, 1)).tolist()] for w in routing]
            record = {"step": done, "bpb": round(bpb, 5), "grad_norm": round(norm.item(), 4), "shares": shares}
            folder.log(record | {"lr": learning_rate(step, c), "bytes_per_second": round(speed)})
        stopped = should_stop is not None and should_stop()
        if done % c.eval_every == 0 or done == c.steps:
            held_out_bpb = evaluate(model, sample).bits_per_byte
            folder.log({"step": done, "held_out_bpb": round(held_out_bpb, 5), "bytes": done * bytes_a_step})
        if done % c.save_every == 0 or done == c.steps or stopped:
            keep(done)
        if on_step:
            on_step(Step(done, c.steps, bpb, speed, held_out_bpb))
        if stopped:
            break
    return model.eval()


def uses_bfloat16(precision: str) -> bool:
    """What `precision` means on this processor: emulated, bfloat16 is slower than float32, so `auto` avoids that."""
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


def _first_bytes(documents: list[bytes], limit: int) -> list[bytes]:
    chosen, total = [], 0
    for document in documents:
        if total >= limit:
            break
        chosen.append(document[: limit - total])
        total += len(chosen[-1])
    return chosen


def _provenance(
    recipe: Recipe, corpus: Corpus, facts: dict[str, Any], bytes_a_step: int, folder: RunFolder
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
        "bfloat16": uses_bfloat16(recipe.training.precision),
        "code": tilelli.__version__,
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "held_out": [[record["step"], record["held_out_bpb"]] for record in evaluations],
    }
