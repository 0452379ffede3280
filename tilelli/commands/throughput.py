"""python -m tilelli throughput: how fast a routed model learns, beside a vanilla one."""

import argparse
from pathlib import Path

TEXT = "how fast a routed model learns, as a share of the vanilla model of its shape: steps in turns"
EXAMPLE = "--config configs/lite_10m.yaml --batch-size 8 --threads 2"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="recipe with the shape and the training")
    parser.add_argument("--batch-size", type=int, help="windows a step, instead of the recipe's")
    parser.add_argument("--precision", help="float32, bfloat16 or auto, instead of the recipe's")
    parser.add_argument("--compile", action="store_true", help="both with torch.compile; needs a C++ compiler")
    parser.add_argument("--rounds", type=int, default=7, help="rounds; either kind takes its steps in each")
    parser.add_argument("--threads", type=int, help="processor threads; all if not given")


def run(options: argparse.Namespace) -> None:
    import dataclasses

    import torch
    from tqdm import tqdm

    from tilelli.config import Recipe
    from tilelli.errors import InputError
    from tilelli.training.throughput import rounds, summary

    if options.rounds < 1 or (options.threads is not None and options.threads < 1):
        seen = f"{options.rounds} rounds, {options.threads} threads"
        raise InputError("There is nothing to measure", seen, "Use 1 or more of both.")
    if options.threads:
        torch.set_num_threads(options.threads)
    recipe = Recipe.from_yaml(options.config)
    wanted = {"batch_size": options.batch_size, "precision": options.precision, "compile": options.compile or None}
    changes = {name: value for name, value in wanted.items() if value is not None}
    recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **changes))
    found = list(tqdm(rounds(recipe, options.rounds), "rounds", options.rounds, leave=False))
    print(summary(found))
