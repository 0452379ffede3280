"""What can be worked out rather than remembered: small sums, spelling, comparing.

Every function draws one question with its answer. Replies do not repeat the question, so that an answer found in a
reply is one that was given. Numbers and words are kept so small that a model of a million weights can learn them whole.
This module knows nothing of facts beyond the words of the tables.
"""

from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from tilelli.data.dialogues.facts import facts
from tilelli.data.dialogues.rows import Draft
from tilelli.data.dialogues.wordings import read, sentence

LARGEST_TERM = 10
LARGEST_FACTOR = 6
LARGEST_COMPARED = 30
LONGEST_WORD = 6
CLEARLY = 2  # letters by which the longer of two words is longer
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SIGNS = {"plus": "+", "minus": "-", "times": "x"}
LETTERS = {"first": 2, "last": 2, "after": 2, "count": 1}  # how often each is asked; counting is hardest


def arithmetic(split: str, rng: Random) -> Draft:
    """A sum, a difference that is not negative, or a product."""
    name = rng.choice(list(SIGNS))
    sign, wording = SIGNS[name], _wording(f"arithmetic.{name}", split, rng)
    largest = LARGEST_FACTOR if name == "times" else LARGEST_TERM
    a, b = rng.randint(0, largest), rng.randint(0, largest)
    if name == "minus":
        a, b = max(a, b), min(a, b)
    result = {"+": a + b, "-": a - b, "x": a * b}[sign]
    in_words = rng.random() < 0.25 and f" {sign} " not in wording and wording[0] != "{"
    text = wording.format(a=SMALL[a], b=SMALL[b]) if in_words else wording.format(a=a, b=b)
    said = SMALL[result] if in_words and result <= 12 else str(result)
    answers = (str(result), *SMALL[result : result + 1])
    return Draft(text, sentence(said, "."), True, f"arithmetic.{name}", "arithmetic", wording, answers, protect=text)


def spelling(split: str, rng: Random) -> Draft:
    """A whole word letter by letter, or one question about its letters."""
    word = rng.choice(_words())
    if rng.random() < 0.5:
        wording = _wording("spelling.word", split, rng)
        text, spelled = wording.format(w=word), "-".join(word)
        return Draft(text, f"{spelled}.", True, "spelling.word", "spelling", wording, (spelled,), protect=text)
    (name,) = rng.choices(list(LETTERS), weights=list(LETTERS.values()))
    wording, place = _wording(f"letters.{name}", split, rng), rng.randrange(25)
    before, after = chr(ord("A") + place), chr(ord("B") + place)
    text = wording.format(w=word, l=before)
    answers = {"first": (word[0],), "last": (word[-1],), "count": _number(len(word)), "after": (after,)}[name]
    said = answers[0] if name == "count" else answers[0].upper()
    return Draft(text, f"{said}.", True, f"spelling.{name}", "spelling", wording, answers, protect=text)


def comparing(split: str, rng: Random) -> Draft:
    """The bigger or smaller of two numbers, the longer of two words, or whether a word stands there twice."""
    name = rng.choice(("bigger", "smaller", "longer", "same"))
    wording = _wording(f"comparing.{name}", split, rng)
    if name == "same":
        one, other = rng.sample(_words(), 2)
        answer = rng.choice(("yes", "no"))
        text = wording.format(a=one, b=one if answer == "yes" else other)
        return Draft(text, sentence(answer, "."), True, "comparing.same", "comparing", wording, (answer,), protect=text)
    if name == "longer":
        one, other = rng.sample(_words(), 2)
        while abs(len(one) - len(other)) < CLEARLY:
            one, other = rng.sample(_words(), 2)
        answer = max(one, other, key=len)
        text = wording.format(a=one, b=other)
    else:
        a, b = rng.sample(range(LARGEST_COMPARED + 1), 2)
        answer = str(max(a, b) if name == "bigger" else min(a, b))
        text = wording.format(a=a, b=b)
    return Draft(text, f"{answer}.", True, f"comparing.{name}", "comparing", wording, (answer,), protect=text)


SKILLS: dict[str, Callable[[str, Random], Draft]] = {
    "arithmetic": arithmetic,
    "spelling": spelling,
    "comparing": comparing,
}


def _wording(skill: str, split: str, rng: Random) -> str:
    """A template for `skill`, such as `letters.first`, of this split."""
    part, name = skill.split(".")
    wordings: list[str] = _wordings()[part][name][split]
    return rng.choice(wordings)


@cache
def _wordings() -> dict[str, Any]:
    return read("skills.toml")


def _number(value: int) -> tuple[str, ...]:
    return (str(value), *SMALL[value : value + 1])


@cache
def _words() -> tuple[str, ...]:
    """Plain words of the tables that are short enough to be taken apart."""
    tables = {"animals", "opposites", "plurals", "verbs", "jobs"}
    words = {fact.entity for fact in facts() if fact.table in tables}
    return tuple(sorted(word for word in words if word.isalpha() and word.islower() and 2 < len(word) <= LONGEST_WORD))
