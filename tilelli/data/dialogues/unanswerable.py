"""Questions without an answer: invented names, misplaced names, matters never taught, and what nobody can know.

Wordings are those of real questions wherever there is a real counterpart. Kinds of the test are never trained on: other
tables are invented for, other pairs crossed, other matters asked. This module knows nothing of answers.
"""

from functools import cache
from itertools import product
from random import Random
from typing import Any
from zlib import crc32

from tilelli.data.dialogues.facts import entities
from tilelli.data.dialogues.names import Mint
from tilelli.data.dialogues.replies import unknown
from tilelli.data.dialogues.rows import Draft
from tilelli.data.dialogues.talk import fill_slots, slots
from tilelli.data.dialogues.wordings import Relation, frames, question, read, relations

INVENTED = {
    "train": ("countries", "cities", "elements", "animals", "books", "people", "opposites", "things"),
    "valid": ("states",),
    "test": ("rivers", "mountains", "landmarks", "inventions", "jobs", "planets"),
}
# what may be asked of anything without anyone finding an answer by thinking; and of what it may not be asked
CROSSED = {
    "countries": ("cities", "landmarks", "rivers", "mountains", "states"),
    "states": ("cities", "countries", "landmarks", "rivers", "mountains"),
    "elements": ("things", "planets"),
    "animals": ("things", "jobs", "people", "plurals", "opposites"),
    "books": ("inventions", "landmarks"),
    "people": (),
    "planets": ("elements",),
    "months": ("calendar",),
    "shapes": ("things", "landmarks", "animals", "inventions"),
    "rivers": ("cities", "countries", "states"),
}
STRANGERS = (
    "countries",
    "elements",
    "animals",
    "books",
    "people",
    "months",
    "shapes",
    "jobs",
    "cities",
    "things",
    "rivers",
)
LETTER_SETS = {"train": "bcdfghjklmnpqrstvwxzaeiou", "test": "bcdfghjklmnpqrstvwxz.,;:?!#%+=aeiou"}


def invented(split: str, rng: Random, mint: Mint) -> Draft:
    """A real question about a name that does not exist."""
    table = rng.choice(INVENTED[split])
    relation = rng.choice(_relations(table))
    wording, name = rng.choice(relation.wordings(split)), mint.coin(table)
    return _ask(wording, name, unknown("invented", rng, name), f"invented.{table}", "invented")


def crossed(split: str, rng: Random, _: Mint) -> Draft:
    """A question that makes sense, about a thing that exists, which do not go together."""
    table, stranger = rng.choice(_crossings(split))
    relation, name = rng.choice(_relations(table)), rng.choice(_alien(table, stranger))
    wording = rng.choice(relation.wordings(split))
    return _ask(wording, name, unknown("crossed", rng), f"crossed.{table}.{stranger}", "crossed")


def unlisted(split: str, rng: Random, _: Mint) -> Draft:
    """A matter that was never taught, of a thing that was."""
    tables: dict[str, list[str]] = read_cached("unlisted.toml")[split]
    table = rng.choices(sorted(tables), weights=[len(tables[name]) for name in sorted(tables)])[0]
    matter, name = rng.choice(tables[table]), rng.choice(entities(table))
    wording = rng.choice(frames()[split]).replace("{of}", matter)
    kind = matter.replace("{e}", "").replace("{an}", "").replace("{es}", "them").strip()
    return _ask(wording, name, unknown("unlisted", rng, name), f"unlisted.{table}: {kind}", "unlisted")


def templated(reason: str, split: str, rng: Random) -> Draft:
    """A question of the file `unanswerable.toml`, for one of its reasons."""
    kinds: dict[str, list[str]] = read_cached("unanswerable.toml")[split][reason]
    kind = rng.choice(sorted(kinds))
    wording = rng.choice(kinds[kind])
    text = fill_slots(wording, rng)
    return Draft(text, unknown(reason, rng), False, f"{reason}.{kind}", reason, wording, protect=_names())


def nonsense(split: str, rng: Random, _: Mint) -> Draft:
    """No language, or language without a sense."""
    how = rng.choice(
        {"train": ("letters", "salad", "syllables"), "valid": ("file",), "test": ("marks", "file", "file")}[split]
    )
    if how == "file":
        return templated("nonsense", split, rng)
    if how == "salad":
        words = [rng.choice(slots()[rng.choice(sorted(slots()))]) for _ in range(rng.randint(3, 7))]
    elif how == "syllables":
        words = [
            "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(rng.randint(1, 4)))
            for _ in range(4)
        ]
    else:
        letters = LETTER_SETS["train" if how == "letters" else "test"]
        words = ["".join(rng.choice(letters) for _ in range(rng.randint(2, 8))) for _ in range(rng.randint(2, 5))]
    text = " ".join(words) + rng.choice(("", "?"))
    return Draft(text, unknown("nonsense", rng), False, f"nonsense.{how}", "nonsense", f"<{how}>", protect=text)


def _ask(wording: str, name: str, reply: str, kind: str, category: str) -> Draft:
    return Draft(question(wording, name), reply, False, kind, category, wording, protect=name)


@cache
def read_cached(name: str) -> dict[str, Any]:
    return read(name)


@cache
def _relations(table: str) -> tuple[Relation, ...]:
    return tuple(relation for name, relation in relations().items() if name.split(".")[0] == table)


@cache
def _crossings(split: str) -> tuple[tuple[str, str], ...]:
    """Pairs of tables of this split, drawn by a hash so that no seed moves them; six in ten train."""
    side = ["train"] * 6 + ["valid"] + ["test"] * 3
    pairs = ((a, b) for a, b in product(CROSSED, STRANGERS) if a != b and b not in CROSSED[a])
    return tuple((a, b) for a, b in pairs if side[crc32(f"{a} {b}".encode()) % 10] == split)


@cache
def _alien(table: str, stranger: str) -> tuple[str, ...]:
    """Entities of the stranger that do not share a name with one of the table: Mercury, turkey."""
    own = " ".join(entities(table)).lower()
    return tuple(name for name in entities(stranger) if name.lower().removeprefix("the ").removeprefix("a ") not in own)


@cache
def _names() -> str:
    return " ".join(" ".join(options) for options in slots().values())
