"""What can be worked out rather than remembered: small sums, spelling, comparing.

Every function draws one question with its answer. Replies do not repeat the question, so that an answer found in a
reply is one that was given. This module knows nothing of facts beyond the words of the tables.
"""

from collections.abc import Callable
from functools import cache
from random import Random

from tilelli.data.dialogues.facts import facts
from tilelli.data.dialogues.rows import Draft

SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
SIGNS = {
    "plus": (
        "+",
        ["What is {a} plus {b}?", "{a} + {b} = ?", "{a}+{b}", "How much is {a} plus {b}?", "Add {a} and {b}."],
        ["How many are {a} and {b} together?"],
        ["Work out {a} plus {b}.", "If I add {b} to {a}, what do I get?", "Sum of {a} and {b}?"],
    ),
    "minus": (
        "-",
        ["What is {a} minus {b}?", "{a} - {b} = ?", "{a}-{b}", "How much is {a} minus {b}?", "Subtract {b} from {a}."],
        ["What is left of {a} without {b}?"],
        ["Work out {a} minus {b}.", "If I take {b} from {a}, what remains?", "Take {b} away from {a}."],
    ),
    "times": (
        "x",
        ["What is {a} times {b}?", "{a} x {b} = ?", "{a}*{b}", "How much is {a} times {b}?", "Multiply {a} by {b}."],
        ["How many are {a} lots of {b}?"],
        ["Work out {a} times {b}.", "If I count {b} exactly {a} times, what do I get?", "Product of {a} and {b}?"],
    ),
}
SPELL = {
    "train": ["How do you spell {w}?", "Spell {w}.", "Spell the word {w}.", "Can you spell {w}?"],
    "valid": ["Write {w} letter by letter."],
    "test": ["Which letters make up the word {w}?", "Take the word {w} apart into letters."],
}
LETTERS = {
    "first": {
        "train": ["What is the first letter of {w}?", "Which letter does {w} begin with?", "First letter of {w}?"],
        "valid": ["What letter stands at the front of {w}?"],
        "test": ["With which letter do I start to write {w}?"],
    },
    "last": {
        "train": ["What is the last letter of {w}?", "Which letter does {w} end with?", "Last letter of {w}?"],
        "valid": ["What letter stands at the back of {w}?"],
        "test": ["With which letter do I finish writing {w}?"],
    },
    "count": {
        "train": ["How many letters are in {w}?", "How many letters does {w} have?", "How long is the word {w}?"],
        "valid": ["What is the letter count of {w}?"],
        "test": ["Of how many letters is {w} built?"],
    },
    "after": {
        "train": ["Which letter comes after {l}?", "What is the letter after {l}?", "What letter follows {l}?"],
        "valid": ["What is next to {l} in the alphabet?"],
        "test": ["In the alphabet, which letter stands right behind {l}?"],
    },
}
COMPARE = {
    "bigger": {
        "train": ["Which is bigger, {a} or {b}?", "Which number is larger, {a} or {b}?", "What is more, {a} or {b}?"],
        "valid": ["Of {a} and {b}, which is greater?"],
        "test": ["Between {a} and {b}, which is the larger?", "{a} or {b}, which one is more?"],
    },
    "smaller": {
        "train": ["Which is smaller, {a} or {b}?", "Which number is lower, {a} or {b}?", "What is less, {a} or {b}?"],
        "valid": ["Of {a} and {b}, which is the lesser?"],
        "test": ["Between {a} and {b}, which is the smaller?", "{a} or {b}, which one is less?"],
    },
    "longer": {
        "train": ["Which word is longer, {a} or {b}?", "What is the longer word, {a} or {b}?"],
        "valid": ["Of the words {a} and {b}, which is longer?"],
        "test": ["Which word has more letters, {a} or {b}?"],
    },
}


def arithmetic(split: str, rng: Random) -> Draft:
    """A sum, a difference that is not negative, or a product."""
    name = rng.choice(sorted(SIGNS))
    sign, train, valid, test = SIGNS[name]
    a, b = rng.randint(0, 20), rng.randint(0, 20)
    if name == "times":
        a, b = rng.randint(0, 10), rng.randint(0, 10)
    if name == "minus":
        a, b = max(a, b), min(a, b)
    wording = rng.choice({"train": train, "valid": valid, "test": test}[split])
    result = {"+": a + b, "-": a - b, "x": a * b}[sign]
    in_words = max(a, b) <= 12 and rng.random() < 0.25 and wording[0] != "{"
    text = wording.format(a=SMALL[a], b=SMALL[b]) if in_words else wording.format(a=a, b=b)
    said = SMALL[result] if in_words and result <= 12 else str(result)
    answers = (str(result), *SMALL[result : result + 1])
    return Draft(text, f"That is {said}.", True, f"arithmetic.{name}", "arithmetic", wording, answers, protect=text)


def spelling(split: str, rng: Random) -> Draft:
    """A whole word letter by letter, or one question about its letters."""
    word = rng.choice(_words())
    if rng.random() < 0.5:
        wording = rng.choice(SPELL[split])
        text, spelled = wording.format(w=word), "-".join(word)
        return Draft(text, f"{spelled}.", True, "spelling.word", "spelling", wording, (spelled,), protect=text)
    name = rng.choice(sorted(LETTERS))
    wording, place = rng.choice(LETTERS[name][split]), rng.randrange(25)
    before, after = chr(ord("A") + place), chr(ord("B") + place)
    text = wording.format(w=word, l=before)
    answers = {"first": (word[0],), "last": (word[-1],), "count": _number(len(word)), "after": (after,)}[name]
    said = answers[0] if name == "count" else answers[0].upper()
    return Draft(text, f"{said}.", True, f"spelling.{name}", "spelling", wording, answers, protect=text)


def comparing(split: str, rng: Random) -> Draft:
    """The bigger or smaller of two numbers, or the longer of two words."""
    name = rng.choice(sorted(COMPARE))
    wording = rng.choice(COMPARE[name][split])
    if name == "longer":
        one, other = rng.sample(_words(), 2)
        while len(one) == len(other):
            one, other = rng.sample(_words(), 2)
        answer = max(one, other, key=len)
        text = wording.format(a=one, b=other)
    else:
        a, b = rng.sample(range(100), 2)
        answer = str(max(a, b) if name == "bigger" else min(a, b))
        text = wording.format(a=a, b=b)
    return Draft(text, f"{answer}.", True, f"comparing.{name}", "comparing", wording, (answer,), protect=text)


SKILLS: dict[str, Callable[[str, Random], Draft]] = {
    "arithmetic": arithmetic,
    "spelling": spelling,
    "comparing": comparing,
}


def _number(value: int) -> tuple[str, ...]:
    return (str(value), *SMALL[value : value + 1])


@cache
def _words() -> tuple[str, ...]:
    """Short plain words of the tables."""
    tables = {"animals", "opposites", "plurals", "verbs", "jobs"}
    words = {fact.entity for fact in facts() if fact.table in tables}
    return tuple(sorted(word for word in words if word.isalpha() and word.islower() and 2 < len(word) < 9))
