"""What the commands that train have in common: their options, their texts, their progress, their last line."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.commands.shared import Stop, add_data, add_threads

if TYPE_CHECKING:
    from tilelli.config import TrainingConfig
    from tilelli.data.corpus import Corpus
    from tilelli.training.distributed import Group
    from tilelli.training.loop import Step, Task


def add_texts(parser: argparse.ArgumentParser, required: bool = True) -> None:
    add_data(parser, required)
    parser.add_argument(
        "--held-out", help="documents to evaluate on; without it, 1%% of the text is kept apart by hash"
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, help="folder of the run; it is a checkpoint that every command takes")
    parser.add_argument("--resume", action="store_true", help="go on from the last save in --out, if there is one")
    parser.add_argument("--steps", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, help="in place of the recipe's")
    add_threads(parser)


def changed(config: "TrainingConfig", options: argparse.Namespace) -> "TrainingConfig":
    """The recipe's settings with what the command line puts in their place."""
    wanted = {key: value for key in ("steps", "seed") if (value := getattr(options, key)) is not None}
    return dataclasses.replace(config, **wanted)


def read_both(options: argparse.Namespace) -> "tuple[Corpus, list[bytes]]":
    """What to train on, and what to judge by."""
    from tilelli.data.corpus import read, split

    corpus = read(options.data, options.text_field)
    if options.held_out:
        return corpus, read(options.held_out, options.text_field).documents
    kept, held_out = split(corpus)
    return dataclasses.replace(corpus, documents=kept), held_out


def carry_out(task: "Task", options: argparse.Namespace, group: "Group") -> None:
    """Train with a progress bar, and say in a line what came of it; in a group of processes only the first speaks."""
    from tqdm import tqdm

    from tilelli.training.loop import train
    from tilelli.training.run import RunFolder

    stop = Stop()
    total = task.config.steps * task.bytes_a_step
    with tqdm(total=total, unit="B", unit_scale=True, mininterval=0.5, disable=None if group.main else True) as bar:

        def show(step: "Step") -> None:
            done = total * step.step // step.steps
            if bar.n == 0:
                bar.initial = bar.n = done - total // step.steps  # a resumed run's speed is its own
            held = "" if step.held_out_bpb is None else f", held-out {step.held_out_bpb:.3f}"
            bar.set_postfix_str(f"step {step.step}/{step.steps}, {step.bpb:.3f} bpb{held}", refresh=False)
            bar.update(done - bar.n)

        model = train(task, RunFolder(Path(options.out)), options.resume, show, stop.asked, group)
    if not group.main:
        return
    evaluations = model.provenance["held_out"]
    state = "stopped; go on with --resume" if stop.asked() else "done"
    last = f", held-out {evaluations[-1][1]:.5f} bpb" if evaluations else ""
    seen = model.provenance["bytes_seen"]
    print(f"{options.out}: {state}. {model.num_parameters():,} parameters, {seen:,} bytes seen{last}.")
