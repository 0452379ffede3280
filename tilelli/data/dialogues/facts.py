"""Closed-world facts: tables of a few thousand, each one cell: an entity, a column and the answers that count as right.

A table is a CSV whose first column names the entity. Alternatives in a cell are separated by slashes and the first is
the one said; an empty cell means that nothing is claimed. This module knows nothing of wordings, splits or dialogues.
"""

import csv
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
MOST_SHARED = 3  # an answer that more entities share can be guessed
ARTICLES = {"a", "an", "the"}
ODD_PLURALS = {"fly": "flies"}


@dataclass(frozen=True)
class Fact:
    """One cell of a table."""

    table: str
    column: str
    entity: str
    answers: tuple[str, ...]

    @property
    def relation(self) -> str:
        return f"{self.table}.{self.column}"


def normalise(text: str) -> str:
    """Plain lower-case letters, digits and single spaces: the form in which answers are compared.

    Articles are left out, except where they are letters among letters, as in `c-a-t`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", errors="ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    if all(len(word) == 1 for word in words):
        return " ".join(words)
    return " ".join(word for word in words if word not in ARTICLES)


@cache
def facts() -> tuple[Fact, ...]:
    """Every fact of every table, in the order of the files."""
    found = []
    for file in sorted((FOLDER / "tables").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as opened:
            head, *rows = csv.reader(opened)
        for row in rows:
            cells = zip(head[1:], row[1:], strict=True)
            found += [Fact(file.stem, column, row[0], tuple(cell.split("/"))) for column, cell in cells if cell]
    return tuple(found)


@cache
def entities(table: str) -> tuple[str, ...]:
    """Names in the first column of a table."""
    return tuple(dict.fromkeys(fact.entity for fact in facts() if fact.table == table))


@cache
def vocabulary() -> frozenset[str]:
    """Every normalised word of every entity and answer."""
    return frozenset(
        word for fact in facts() for text in (fact.entity, *fact.answers) for word in normalise(text).split()
    )


@cache
def guessable(fact: Fact) -> bool:
    """Whether the answer could be had without the fact: many share it, or the entity's own name gives it away."""
    entity, answers = normalise(fact.entity), [normalise(answer) for answer in fact.answers]
    shared = max(_sharing()[fact.relation, answer] for answer in answers)
    alike = any(answer[:3] == entity[: len(answer[:3])] or answer in entity or entity in answer for answer in answers)
    return shared > MOST_SHARED or alike


@cache
def _sharing() -> Counter[tuple[str, str]]:
    return Counter((fact.relation, normalise(answer)) for fact in facts() for answer in fact.answers)


def with_article(name: str) -> str:
    """`an owl`; names that bring their own article keep it."""
    if name.split()[0] in ARTICLES:
        return name
    return f"an {name}" if name[0] in "aeio" or name.startswith(("um", "un")) else f"a {name}"


def plural(name: str) -> str:
    """The plural from the table of plurals, else by rule."""
    known = {fact.entity: fact.answers[0] for fact in facts() if fact.table == "plurals"} | ODD_PLURALS
    if name in known:
        return known[name]
    if name.endswith("man"):
        return name[:-3] + "men"
    if name.endswith(("s", "x", "ch", "sh")):
        return name + "es"
    return name[:-1] + "ies" if re.search("[^aeiou]y$", name) else name + "s"
