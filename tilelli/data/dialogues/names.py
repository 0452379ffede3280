"""Invented entities that look like real ones: letters in the order in which real names of the same table have them.

A coined name is refused if it is a known word or one slip away from one. Checked against our own tables, not against
the world: now and then a coined name may exist somewhere. This module knows nothing of questions.
"""

from collections import defaultdict
from functools import cache
from itertools import count
from random import Random
from zlib import crc32

from tilelli.data.dialogues.facts import entities, vocabulary

MEMORY = 3  # letters that decide the next one, one fewer when they have nothing new to say
PATIENCE = 40  # tries before that
RUN = 6  # letters in a row that no coined name shares with a known word
LENGTHS = range(4, 12)
LIKE = {  # tables of few names borrow from their neighbours
    "states": ("states", "cities"),
    "rivers": ("rivers", "cities"),
    "mountains": ("mountains", "cities"),
    "landmarks": ("landmarks", "cities"),
    "planets": ("planets", "people", "countries"),
    "jobs": ("jobs", "animals"),
    "inventions": ("things", "jobs", "animals"),
}
WITH_THE = {"rivers", "landmarks", "inventions"}
LOWER = {"elements", "animals", "jobs", "opposites", "things", "inventions"}
BOOK_HEADS = ("The {x} of {y}", "{x} and {y}", "The {a} {n}", "The {n} of {y}", "My {n} in {x}", "The {a} {n} of {y}")
ADJECTIVES = ("Silent", "Lost", "Golden", "Broken", "Last", "Hidden", "Little", "Crooked", "Winter", "Blue", "Seventh")
NOUNS = ("Orchard", "Garden", "Island", "Princess", "Web", "House", "Mill", "River", "Boy", "Book", "Tower", "Letter")
LANDMARK_ENDS = ("Tower", "Palace", "Bridge", "Gate", "Castle", "Fountain", "Museum")
UGLY = (
    "fuck",
    "shit",
    "cunt",
    "nazi",
    "nigg",
    "rape",
    "slut",
    "cock",
    "dick",
    "piss",
    "fag",
    "anus",
    "porn",
    "tits",
    "sex",
)


class Mint:
    """Coins names for one split, never the same twice; every coined word belongs to one split, whatever the seed."""

    def __init__(self, rng: Random, split: str) -> None:
        self.rng, self.split, self.used = rng, split, set[str]()

    def coin(self, table: str) -> str:
        """A new name in the manner of `table`."""
        word = self.word(table)
        if table == "books":
            fields = {"x": word, "y": self.word("people"), "a": self._any(ADJECTIVES), "n": self._any(NOUNS)}
            return self._any(BOOK_HEADS[:2] + BOOK_HEADS[3:]).format(**fields)
        if table == "people":
            return f"{self.word(table)} {word}"
        if table == "landmarks":
            return f"the {word} {self._any(LANDMARK_ENDS)}"
        if table == "mountains":
            return f"Mount {word}" if self.rng.random() < 0.5 else word
        if table == "things":
            return ("an " if word[0] in "aeiou" else "a ") + word
        return f"the {word}" if table in WITH_THE else word

    def word(self, table: str) -> str:
        """One coined word, capital unless the table writes its names small."""
        for attempt in count():
            word = self._draw(_follow(table, MEMORY if attempt < PATIENCE else MEMORY - 1))
            if self._fits(word):
                self.used.add(word)
                return word if table in LOWER else word.capitalize()
        raise AssertionError("count never ends")

    def _draw(self, follow: dict[str, list[str]]) -> str:
        """Letters until the end of a word, or until it is too long."""
        memory = len(next(iter(follow)))
        text = "^" * memory
        while not text.endswith("$") and len(text) <= memory + LENGTHS.stop:
            text += self.rng.choice(follow[text[-memory:]])
        return text.strip("^$")

    def _fits(self, word: str) -> bool:
        if (
            word in self.used
            or len(word) not in LENGTHS
            or side(word) != self.split
            or any(ugly in word for ugly in UGLY)
        ):
            return False
        return not _known(word)

    def _any(self, options: tuple[str, ...]) -> str:
        return self.rng.choice(options)


def side(word: str) -> str:
    """The split to which a coined word belongs: seven in ten train, one valid, two test."""
    return (("train",) * 7 + ("valid",) + ("test",) * 2)[crc32(word.encode()) % 10]


@cache
def _follow(table: str, memory: int) -> dict[str, list[str]]:
    """Letters that follow each few letters in the names of a table, as often as they do."""
    names = [name for near in LIKE.get(table, (table,)) for name in entities(near)]
    words = {word.lower() for name in names for word in name.split() if word.isalpha()}
    found: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words - {"the", "a", "an", "of", "and", "mount", "pair"}):
        padded = "^" * memory + word + "$"
        for i in range(len(word) + 1):
            found[padded[i : i + memory]].append(padded[i + memory])
    return found


def _known(word: str) -> bool:
    """Whether the word is in our tables, one slip away, or holds most of a word that is."""
    if _slips(word) & _known_slips() or word in _known_starts():  # equal once a letter is dropped from either or both
        return True
    return any(run in _known_runs() for run in _runs(word))


@cache
def _known_slips() -> frozenset[str]:
    return frozenset(slip for word in vocabulary() for slip in _slips(word))


@cache
def _known_starts() -> frozenset[str]:
    return frozenset(word[:end] for word in vocabulary() for end in range(LENGTHS.start, len(word)))


def _slips(word: str) -> frozenset[str]:
    return (
        frozenset({word} | {word[:i] + word[i + 1 :] for i in range(len(word))}) if len(word) > 3 else frozenset({word})
    )


@cache
def _known_runs() -> frozenset[str]:
    return frozenset(run for word in vocabulary() for run in _runs(word))


def _runs(word: str) -> list[str]:
    return [word[i : i + RUN] for i in range(len(word) - RUN + 1)]
