"""python -m tilelli train: a recipe and a text become a checkpoint."""

import argparse
import dataclasses

from tilelli.commands.runs import add_run, add_texts, carry_out, changed, read_both
from tilelli.commands.shared import use_threads

TEXT = "train a model, or go on with a run that was stopped or killed"
EXAMPLE = "--config configs/mini.yaml --data texts/ --out runs/mine"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="recipe, one of configs/*.yaml")
    add_texts(parser)
    parser.add_argument(
        "--kind", choices=("routed", "vanilla"), help="in place of the recipe's: vanilla is the baseline"
    )
    add_run(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.config import Recipe
    from tilelli.training.distributed import join
    from tilelli.training.pretraining import pretraining

    use_threads(options.threads)
    recipe = Recipe.from_yaml(options.config)
    recipe = dataclasses.replace(
        recipe,
        model=recipe.model.twin(options.kind or recipe.model.kind),
        training=changed(recipe.training, options),
    )
    corpus, held_out = read_both(options)
    with join() as group:
        carry_out(pretraining(recipe, corpus, held_out), options, group)
