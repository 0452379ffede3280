"""How facts are asked for and said: relations with their wordings, each wording kept to one split.

A wording is a template such as `What is the capital of {e}?`. Training wordings never appear in validation or test, and
the other way round. This module knows nothing of which facts are taught.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from tilelli.data.dialogues.facts import FOLDER, Fact, plural, with_article

SPLITS = ("train", "valid", "test")
CLAIMS = {
    "train": (
        "{S}, right?",
        "Is it true that {s}?",
        "{S}. Is that correct?",
        "I think that {s}.",
        "{S}.",
        "I heard that {s}. Is that so?",
        "So {s}?",
        "Tell me if {s}.",
    ),
    "valid": (
        "{S}, isn't it?",
        "Could it be that {s}?",
        "Would you agree that {s}?",
        "Am I right that {s}?",
        "{S}, or not?",
        "My friend says that {s}.",
    ),
    "test": (
        "Somebody told me that {s}. Is that right?",
        "Do you agree with me that {s}?",
        "My sister says that {s}. Is she right?",
        "{S}. Yes or no?",
        "Am I right in thinking that {s}?",
        "I read somewhere that {s}. Can I believe it?",
    ),
}


@dataclass(frozen=True)
class Relation:
    """One column of one table in words; `open` when the table does not hold every right answer."""

    name: str
    of: str
    says: str
    ask: tuple[str, ...]
    valid: tuple[str, ...]
    test: tuple[str, ...]
    its: str = ""
    open: bool = False

    def wordings(self, split: str) -> tuple[str, ...]:
        """Templates in which this relation is asked for in `split`."""
        framed = tuple(frame.replace("{of}", self.of) for frame in frames()[split])
        return framed + {"train": self.ask, "valid": self.valid, "test": self.test}[split]

    def claim(self, entity: str, answer: str) -> str:
        """The statement that `answer` is right for `entity`, without capital or full stop."""
        return fill(self.says, entity).replace("{a}", answer)


def read(name: str) -> dict[str, Any]:
    """A TOML file of this folder."""
    return tomllib.loads((FOLDER / name).read_text(encoding="utf-8"))


@cache
def frames() -> dict[str, tuple[str, ...]]:
    """Questions around a noun phrase, by split."""
    return {split: tuple(found) for split, found in read("relations/frames.toml")["frames"].items()}


@cache
def relations() -> dict[str, Relation]:
    """Every relation by its name, `table.column`."""
    found = {}
    for file in ("places", "nature", "people_and_words"):
        for table, columns in read(f"relations/{file}.toml").items():
            for column, keys in columns.items():
                keys |= {name: tuple(keys[name]) for name in ("ask", "valid", "test")}
                found[f"{table}.{column}"] = Relation(name=f"{table}.{column}", **keys)
    return found


def relation_of(fact: Fact) -> Relation:
    return relations()[fact.relation]


def fill(template: str, entity: str) -> str:
    """A template with the entity in its place, with article or in the plural where it says so."""
    text = template.replace("{e}", entity)
    if "{an}" in text:
        text = text.replace("{an}", with_article(entity))
    return text.replace("{es}", plural(entity)) if "{es}" in text else text


def sentence(text: str, end: str = "") -> str:
    """With a capital first letter, and `end` after it."""
    return text[:1].upper() + text[1:] + end


def question(template: str, entity: str) -> str:
    return sentence(fill(template, entity))


def claim_question(wording: str, statement: str) -> str:
    """A premise put to Tilelli: `The capital of Kenya is Oslo, right?`."""
    return sentence(wording.replace("{S}", sentence(statement)).replace("{s}", statement))
