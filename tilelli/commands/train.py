"""python -m tilelli train: a recipe and a text become a checkpoint."""

import argparse
import dataclasses
from typing import TYPE_CHECKING

from tilelli.commands.runs import add_run, add_texts, carry_out, changed, read_both
from tilelli.commands.shared import add_source, in_bytes, one_of, use_threads

if TYPE_CHECKING:
    from tilelli.config import Recipe
    from tilelli.training.distributed import Group
    from tilelli.training.loop import Task

TEXT = "train a model, or go on with a run that was stopped or killed"
EXAMPLE = "--config configs/mini.yaml --data texts/ --out runs/mine"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="recipe, one of configs/*.yaml")
    add_texts(parser, required=False)
    add_source(parser)
    parser.add_argument(
        "--kind", choices=("routed", "vanilla"), help="in place of the recipe's: vanilla is the baseline"
    )
    parser.add_argument("--teacher", help="checkpoint whose predictions are learned too, by the recipe's `distill`")
    add_run(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.config import Recipe
    from tilelli.training.distributed import join

    one_of(options)
    use_threads(options.threads)
    recipe = Recipe.from_yaml(options.config)
    recipe = dataclasses.replace(
        recipe,
        model=recipe.model.twin(options.kind or recipe.model.kind),
        training=changed(recipe.training, options),
    )
    with join() as group:
        carry_out(_task(recipe, options, group), options, group)


def _task(recipe: "Recipe", options: argparse.Namespace, group: "Group") -> "Task":
    """Learning --data, which is read whole, or --source, which is streamed."""
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.data.corpus import first_held_out, read
    from tilelli.data.documents import Documents
    from tilelli.data.source import find
    from tilelli.training.pretraining import pretraining, streaming

    teacher = load(options.teacher, ByteLM) if options.teacher else None
    if options.data:
        return pretraining(recipe, *read_both(options), teacher)
    limit, text = in_bytes(options.bytes), find(options.source, text_field=options.text_field)
    if options.held_out:
        held_out = read(options.held_out, options.text_field).documents
    else:
        held_out = first_held_out(Documents(text, limit), recipe.training.eval_bytes) if group.main else []
    return streaming(recipe, text, limit, held_out, group, teacher)
