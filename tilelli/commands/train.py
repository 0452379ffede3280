"""python -m tilelli train: a recipe and a text become a checkpoint."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.commands.shared import Stop, add_data, add_threads, use_threads

if TYPE_CHECKING:
    from tilelli.config import Recipe
    from tilelli.data.corpus import Corpus
    from tilelli.training.distributed import Group

TEXT = "train a model, or go on with a run that was stopped or killed"
EXAMPLE = "--config configs/mini.yaml --data texts/ --out runs/mine"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="recipe, one of configs/*.yaml")
    add_data(parser)
    parser.add_argument("--out", required=True, help="folder of the run; it is a checkpoint that every command takes")
    parser.add_argument("--held-out", help="documents to evaluate on; without it, 1%% of --data is kept apart by hash")
    parser.add_argument("--resume", action="store_true", help="go on from the last save in --out, if there is one")
    parser.add_argument(
        "--kind", choices=("routed", "vanilla"), help="in place of the recipe's: vanilla is the baseline"
    )
    parser.add_argument("--steps", type=int, help="in place of the recipe's")
    parser.add_argument("--seed", type=int, help="in place of the recipe's")
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.config import Recipe
    from tilelli.data.corpus import read, split
    from tilelli.training.distributed import join

    use_threads(options.threads)
    recipe = Recipe.from_yaml(options.config)
    changes = {key: value for key in ("steps", "seed") if (value := getattr(options, key)) is not None}
    recipe = Recipe(
        recipe.model.twin(options.kind or recipe.model.kind), dataclasses.replace(recipe.training, **changes)
    )
    corpus = read(options.data, options.text_field)
    if options.held_out:
        held_out = read(options.held_out, options.text_field).documents
    else:
        kept, held_out = split(corpus)
        corpus = dataclasses.replace(corpus, documents=kept)
    with join() as group:
        _run(recipe, corpus, held_out, options, group)


def _run(
    recipe: "Recipe", corpus: "Corpus", held_out: list[bytes], options: argparse.Namespace, group: "Group"
) -> None:
    """Train with a progress bar, and say in a line what came of it; in a group of processes only the first speaks."""
    from tqdm import tqdm

    from tilelli.training.loop import Step, train
    from tilelli.training.run import RunFolder

    stop = Stop()
    total = recipe.training.steps * recipe.training.batch_size * recipe.model.context
    with tqdm(total=total, unit="B", unit_scale=True, mininterval=0.5, disable=None if group.main else True) as bar:

        def show(step: Step) -> None:
            done = total * step.step // step.steps
            if bar.n == 0:
                bar.initial = bar.n = done - total // step.steps  # a resumed run's speed is its own
            held = "" if step.held_out_bpb is None else f", held-out {step.held_out_bpb:.3f}"
            bar.set_postfix_str(f"step {step.step}/{step.steps}, {step.bpb:.3f} bpb{held}", refresh=False)
            bar.update(done - bar.n)

        model = train(recipe, corpus, held_out, RunFolder(Path(options.out)), options.resume, show, stop.asked, group)
    if not group.main:
        return
    evaluations = model.provenance["held_out"]
    state = "stopped; go on with --resume" if stop.asked() else "done"
    last = f", held-out {evaluations[-1][1]:.5f} bpb" if evaluations else ""
    seen = model.provenance["bytes_seen"]
    print(f"{options.out}: {state}. {model.num_parameters():,} parameters, {seen:,} bytes seen{last}.")
