"""What a bank is: questions in parts, a card that says how they were made, and what was decided before measuring.

A bank is known by the SHA-256 of its rows, written one a line as JSON. Of a bundled file that is the hash of the file,
so that `sha256sum` gives the same. This module knows no bank, and nothing of models.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from random import Random
from typing import Any

from probes.verdict import Claim, Rule
from tilelli.data.dialogues.facts import normalise
from tilelli.errors import InputError

USER, END = "USER: ", "\nTILELLI:"
CALIBRATION, TEST = "calibration", "test"


@dataclass(frozen=True)
class Question:
    """One row of a bank: what a model reads, and what is known about a right reply.

    Attributes:
        prompt: a dialogue up to and including `TILELLI:`; of a row that asks nothing a plain text.
        answerable: whether the right reply is an answer: the model was told it, was taught it, or can work it out.
        answers: normalised texts, one of which a right reply holds. A row that is not answerable can have some, to tell
            a reply known from elsewhere from an invented one.
        part: figures are given by part; of the bank `regimes` a part is a regime.
        category: the coarse sort within or across parts, such as `facts` or `premise`.
        kind: the fine sort, such as `months.days`.
        split: `calibration` for rows on which thresholds and temperatures may be chosen, `test` for those on which
            figures are read.
        options: of a forced choice, as the prompt names them, in its order; just one is right.
        language: ISO 639-3 code of a text that is not in English.
    """

    prompt: str
    answerable: bool
    answers: tuple[str, ...] = ()
    part: str = ""
    category: str = ""
    kind: str = ""
    split: str = TEST
    options: tuple[str, ...] = ()
    language: str = ""

    @property
    def asks(self) -> bool:
        """Whether a reply is expected; else the row is a text to be read."""
        return self.prompt.endswith(END)

    @property
    def question(self) -> str:
        """The last thing the user said, or the text."""
        return self.prompt.rsplit(USER, 1)[1].removesuffix(END) if self.asks else self.prompt

    @property
    def right(self) -> int | None:
        """Number of the right option; None where there is no choice."""
        return next((number for number, option in enumerate(self.options) if normalise(option) in self.answers), None)

    def line(self) -> str:
        """The row as a line of a bank's file; what says nothing is left out."""
        key = (
            "text"
            if not self.asks
            else "question"
            if self.prompt == asked(" ".join(self.question.split()))
            else "prompt"
        )
        row: dict[str, Any] = {key: self.question if key == "question" else self.prompt}
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if value != field.default and not (field.name == "answerable" and not self.asks):
                row[field.name] = value
        return json.dumps(row, ensure_ascii=False)


@dataclass(frozen=True)
class Bank:
    """Questions in parts.

    Attributes:
        name: as it was asked for.
        rows: in the order in which they are asked.
        card: what it is, how many, how it was made.
        rules: what was decided of single figures before measuring; empty for a bank of one's own.
        seed: of the dialogues it comes from, whose training questions a surface baseline may learn; None for others.
        claim: what the bank as a whole is to decide, if anything.
    """

    name: str
    rows: tuple[Question, ...]
    card: str
    rules: tuple[Rule, ...] = ()
    seed: int | None = None
    claim: Claim | None = None

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256("".join(f"{row.line()}\n" for row in self.rows).encode()).hexdigest()

    @property
    def parts(self) -> dict[str, list[int]]:
        """Numbers of the rows of each part, in the order of the bank."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.part, []).append(number)
        return found

    def check_asks(self) -> None:
        """Raises InputError if a row is a text that asks nothing, which no reply can be held to."""
        if not all(row.asks for row in self.rows):
            raise InputError("The bank asks nothing", f"{self.name} holds texts", "Choose one that holds questions.")

    def half(self, split: str) -> "Bank":
        """Only the rows of a split: `calibration`, to choose on, or `test`, to read."""
        rows = tuple(row for row in self.rows if row.split == split)
        return replace(self, name=f"{self.name}, {split}", rows=rows, card=f"{self.card}\nOnly its {split} rows.")


def asked(question: str) -> str:
    """The prompt of a single question."""
    return f"{USER}{question}{END}"


def counts(rows: Iterable[Question]) -> str:
    """What is in a bank, one line a part."""
    parts: dict[str, list[Question]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return "\n".join(f"  {part}: {_counted(own)}" for part, own in parts.items())


def sample(whole: Bank, per_part: int, seed: int) -> Bank:
    """At most `per_part` rows of each part, drawn with `seed` and left in their order."""
    random, kept = Random(seed), list[int]()
    for numbers in whole.parts.values():
        kept += random.sample(numbers, min(per_part, len(numbers)))
    rows, much = tuple(whole.rows[number] for number in sorted(kept)), f"at most {per_part} rows a part"
    return replace(whole, name=f"{whole.name}, {much}", rows=rows, card=f"{whole.card}\n{much}, drawn with seed {seed}")


def _counted(rows: list[Question]) -> str:
    if not all(row.asks for row in rows):
        return f"{len(rows)} rows, {len({row.language for row in rows})} languages"
    no, distinct = sum(not row.answerable for row in rows), len({row.prompt for row in rows})
    chosen = sum(row.split == CALIBRATION for row in rows)
    said = f"{len(rows)} rows, {no} without an answer, {distinct} different prompts"
    return said + (f", {chosen} to choose on" if chosen else "")
