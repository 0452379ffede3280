"""python -m tilelli sft: teach a trained model to chat, and to say when it does not know."""

import argparse
import dataclasses

from tilelli.commands.runs import add_run, add_texts, carry_out, changed, read_both
from tilelli.commands.shared import add_checkpoint, use_threads

TEXT = "teach a trained model to chat, or go on with a run that was stopped or killed"
EXAMPLE = "--checkpoint tilelli/mini --config configs/chat.yaml --data texts/ --out runs/my-chat"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    parser.add_argument("--config", default="configs/chat.yaml", help="recipe with the sections training and tuning")
    add_texts(parser)
    add_run(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.config import Recipe
    from tilelli.training.distributed import join
    from tilelli.training.sft import tuning

    use_threads(options.threads)
    recipe = Recipe.from_yaml(options.config)
    recipe = dataclasses.replace(recipe, training=changed(recipe.training, options))
    base = load(options.checkpoint, ByteLM)
    corpus, held_out = read_both(options)
    with join() as group:
        carry_out(tuning(recipe, base, options.checkpoint, corpus, held_out), options, group)
