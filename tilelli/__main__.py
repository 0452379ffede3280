"""The command line: python -m tilelli train | eval | generate | data.

Errors are one to three lines on standard error, and exit code 2. Nothing heavy is imported before a command needs it.
"""

import argparse
import dataclasses
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tilelli.errors import InputError, TilelliError

if TYPE_CHECKING:
    from tilelli.config import Recipe
    from tilelli.data.corpus import Corpus
    from tilelli.training.distributed import Group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        command: Callable[[argparse.Namespace], None] = options.command
        command(options)
    except TilelliError as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return 0


def _train(options: argparse.Namespace) -> None:
    import torch

    from tilelli.config import Recipe
    from tilelli.data.corpus import read, split
    from tilelli.training.distributed import join

    if options.threads is not None:
        if options.threads < 1:
            raise InputError("There is no such number of threads", str(options.threads), "Use --threads 1 or more.")
        torch.set_num_threads(options.threads)
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

    stop = _Stop()
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


def _eval(options: argparse.Namespace) -> None:
    import math

    from tqdm import tqdm

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.data.corpus import read
    from tilelli.evaluation import evaluate

    model = load(options.checkpoint, ByteLM)
    corpus = read(options.data, options.text_field)
    with tqdm(unit="window", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        score = evaluate(model, corpus.documents, progress=show)
    bpb = score.bits_per_byte
    where = f"{corpus.bytes:,} bytes in {len(corpus.documents):,} documents"
    print(f"{options.checkpoint}: {bpb:.4f} bits per byte ({bpb * math.log(2):.4f} nats) over {where}.")


def _generate(options: argparse.Namespace) -> None:
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.generation import Sampling, stream
    from tilelli.tokenizer import ByteTokenizer, IncrementalDecoder

    sampling = Sampling(
        max_new=options.max_new,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
        stop=tuple(options.stop),
    )
    model = load(options.checkpoint, ByteLM)
    decoder = IncrementalDecoder()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print(options.prompt.encode("utf-8", "replace").decode(), end="", flush=True)
    for step in stream(model, ByteTokenizer().encode(options.prompt), sampling):
        print(decoder.push(step.byte), end="", flush=True)
    print(decoder.flush())


def _data(options: argparse.Namespace) -> None:
    from tilelli.data.corpus import read, split

    corpus = read(options.data, options.text_field)
    kept, held_out = split(corpus)
    print(f"{corpus.source}: {len(corpus.documents):,} documents, {corpus.bytes:,} bytes, {corpus.dropped} dropped.")
    for name, documents in (("train", kept), ("held out", held_out)):
        print(f"{name:>9}: {len(documents):,} documents, {sum(map(len, documents)):,} bytes")
    print(f"   sha256: {corpus.sha256}")
    print(f"   begins: {corpus.documents[0][:100].decode('utf-8', 'replace')!r}")


class _Stop:
    """Turns the first Ctrl-C or SIGTERM into a wish to stop; the loop saves and ends. A second Ctrl-C interrupts."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def asked(self) -> bool:
        return self._asked


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tilelli", description="Train, measure and run tiny byte-level language models."
    )
    commands = parser.add_subparsers(required=True, metavar="train | eval | generate | data")

    def command(
        name: str, run: Callable[[argparse.Namespace], None], text: str, example: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"example: python -m tilelli {name} {example}",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        sub.set_defaults(command=run)
        return sub

    train = command(
        "train",
        _train,
        "train a model, or go on with a run that was stopped or killed",
        "--config configs/mini.yaml --data texts/ --out runs/mine",
    )
    train.add_argument("--config", required=True, help="recipe, one of configs/*.yaml")
    train.add_argument("--data", required=True, help="text, JSONL or Parquet file, compressed or not, or a folder")
    train.add_argument("--out", required=True, help="folder of the run; it is a checkpoint that every command takes")
    train.add_argument("--held-out", help="documents to evaluate on; without it, 1%% of --data is kept apart by hash")
    train.add_argument("--resume", action="store_true", help="go on from the last save in --out, if there is one")
    train.add_argument(
        "--kind", choices=("routed", "vanilla"), help="in place of the recipe's: vanilla is the baseline"
    )
    train.add_argument("--steps", type=int, help="in place of the recipe's")
    train.add_argument("--seed", type=int, help="in place of the recipe's")
    train.add_argument("--threads", type=int, help="processor threads; all cores if not given")
    train.add_argument("--text-field", default="text", help="column that holds the text")

    evaluation = command(
        "eval", _eval, "bits per byte of a checkpoint on a text", "--checkpoint tilelli/mini --data README.md"
    )
    evaluation.add_argument("--checkpoint", required=True, help="bundled name, folder, file or hub name")
    evaluation.add_argument("--data", required=True, help="text, JSONL or Parquet file, compressed or not, or a folder")
    evaluation.add_argument("--text-field", default="text", help="column that holds the text")

    generate = command(
        "generate", _generate, "continue a text", '--checkpoint tilelli/mini --prompt "The cat" --max-new 200 --seed 1'
    )
    generate.add_argument("--checkpoint", required=True, help="bundled name, folder, file or hub name")
    generate.add_argument("--prompt", default="", help="text to continue; empty starts a new document")
    generate.add_argument("--max-new", type=int, default=200, help="bytes to write at most")
    generate.add_argument("--temperature", type=float, default=0.8, help="0 always takes the likeliest byte")
    generate.add_argument("--top-k", type=int, default=0, help="draw from the likeliest K bytes only; 0: from all")
    generate.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest bytes that reach P")
    generate.add_argument("--seed", type=int, default=0, help="the same seed writes the same text")
    generate.add_argument("--stop", action="append", default=[], help="end before this string; may be given again")

    data = command("data", _data, "say what a corpus holds and how it would be split", "--data texts/")
    data.add_argument("--data", required=True, help="text, JSONL or Parquet file, compressed or not, or a folder")
    data.add_argument("--text-field", default="text", help="column that holds the text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
