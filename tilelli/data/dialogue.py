"""The chat corpus: short dialogues of a tiny model that answers what it was taught and says so when it does not know.

`generate` gives everything; `banks` only what is not trained on. Both are functions of the seed, and the banks do not
depend on how much is generated for training. Why the crux banks cannot be solved by their wording is told in
`dialogues/split.py`; what the questions are made of, in the other files of that folder.

    python -m tilelli.data.dialogue --out dialogues.jsonl.xz --seed 0 --pairs 60000
"""

import argparse
import json
import lzma
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tilelli.data.dialogues.asking import ask, claims
from tilelli.data.dialogues.card import Meetings, card, meetings
from tilelli.data.dialogues.maker import Maker
from tilelli.data.dialogues.rows import Dialogue, Draft, finish
from tilelli.data.dialogues.split import Plan, plan
from tilelli.data.dialogues.wordings import CLAIMS, relation_of
from tilelli.errors import DataError, InputError, TilelliError

__all__ = ["Dialogue", "Meetings", "banks", "card", "generate", "main", "meetings", "read", "write"]

FEWEST_PAIRS = 1000
DEFAULT_PAIRS = 60_000
SIZES = {"valid": 1200, "test": 2400}


def generate(seed: int = 0, pairs: int = DEFAULT_PAIRS) -> list[Dialogue]:
    """`pairs` training dialogues in random order, then every bank.

    Raises:
        InputError: fewer than 1000 pairs, too few to hold every kind.
    """
    if pairs < FEWEST_PAIRS:
        raise InputError("The corpus is too small to mix", f"{pairs} pairs", f"Ask for at least {FEWEST_PAIRS}.")
    kept = [row for bank in banks(seed).values() for row in bank]
    train = Maker("train", plan(seed), seed, forbidden={row.question for row in kept}).many(pairs)
    return train + kept


def banks(seed: int = 0) -> dict[str, list[Dialogue]]:
    """What is never trained on, by name.

    `valid` and `test` are the general splits. `held-out-facts` and `premises` are the crux, half of each taught or
    true; the same with `valid-` before them are for choosing recipes and thresholds.
    """
    chosen = plan(seed)
    found = {split: Maker(split, chosen, seed).many(size) for split, size in SIZES.items()}
    for split, prefix in (("valid", "valid-"), ("test", "")):
        rng = Random(f"crux {seed} {split}")
        found[f"{prefix}held-out-facts"] = _rows(_held_out(chosen, split, rng), f"{prefix}held-out-facts", rng)
        found[f"{prefix}premises"] = _rows(_premises(chosen, split, rng), f"{prefix}premises", rng)
    return found


def _held_out(chosen: Plan, split: str, rng: Random) -> Iterable[Draft]:
    """Every held-out fact beside a taught one of the same relation, in the same wording."""
    for held, beside in zip(chosen.held[split], chosen.beside[split], strict=True):
        for secret, taught in zip(held, beside, strict=True):
            wording = rng.choice(relation_of(secret).wordings(split))
            yield ask(secret, wording, False, rng)
            yield ask(taught, wording, True, rng)


def _premises(chosen: Plan, split: str, rng: Random) -> Iterable[Draft]:
    for square in chosen.premises[split]:
        yield from claims(square, rng.choice(CLAIMS[split]), rng)


def _rows(drafts: Iterable[Draft], bank: str, rng: Random) -> list[Dialogue]:
    rows = [row for draft in drafts if (row := finish(draft, bank))]
    rng.shuffle(rows)
    return rows


def write(dialogues: Iterable[Dialogue], path: str | Path) -> None:
    """JSONL, compressed if the name ends in `.xz`; the file appears whole or not at all."""
    path = Path(path)
    text = "".join(json.dumps(row.row(), ensure_ascii=False) + "\n" for row in dialogues)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(lzma.compress(text.encode()) if path.suffix == ".xz" else text.encode())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise DataError(
            "The dialogues cannot be written", f"{path} ({error.strerror})", "Choose a folder that exists."
        ) from error


def read(path: str | Path) -> list[Dialogue]:
    """What `write` wrote."""
    path = Path(path)
    raw = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    rows = map(json.loads, raw.decode().splitlines())
    return [Dialogue(**row | {"answers": tuple(row["answers"])}) for row in rows]


def main(argv: list[str] | None = None) -> int:
    """Write the corpus and print its card."""
    parser = argparse.ArgumentParser(
        prog="python -m tilelli.data.dialogue", description="Write the chat corpus as JSONL."
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write, .jsonl or .jsonl.xz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pairs", type=int, default=DEFAULT_PAIRS, help=f"training dialogues (default {DEFAULT_PAIRS})"
    )
    parser.add_argument("--corpus", type=Path, help="pretraining text in which to count the facts of the crux")
    given = parser.parse_args(argv)
    try:
        dialogues = generate(given.seed, given.pairs)
        write(dialogues, given.out)
        print(card(dialogues))
        if given.corpus:
            from tilelli.data.corpus import read as read_corpus  # imports a large library, needed for nothing else

            print(meetings(dialogues, read_corpus(given.corpus).documents))
    except TilelliError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
