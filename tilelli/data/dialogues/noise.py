"""How people really type: typos, lower case, no punctuation.

Names and numbers keep their letters, since a typo in a name asks about something else. This module knows nothing of
answers.
"""

from random import Random

SHARE = 0.25
SHORTEST = 4  # letters of a word that may get a typo


def roughen(question: str, protect: str, rng: Random, share: float = SHARE) -> str:
    """The question as it is, or with one or two marks of haste in `share` of all cases."""
    if rng.random() >= share:
        return question
    kinds = rng.sample(("typo", "lower", "lower", "bare", "bare", "upper"), rng.choice((1, 2)))
    if "typo" in kinds:
        question = typo(question, protect, rng)
    if "bare" in kinds:
        question = question.rstrip("?.! ") or question
    if "lower" in kinds:
        return question.lower()
    return question.upper() if "upper" in kinds and rng.random() < 0.3 else question


def typo(question: str, protect: str, rng: Random) -> str:
    """One word with two letters swapped, one doubled or one dropped."""
    kept = set(protect.lower().split())
    words = question.split(" ")
    places = [
        i for i, word in enumerate(words) if len(word) >= SHORTEST and word.isalpha() and word.lower() not in kept
    ]
    if not places:
        return question
    place = rng.choice(places)
    words[place] = _slip(words[place], rng)
    return " ".join(words)


def _slip(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    how = rng.choice(("swap", "double", "drop"))
    if how == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at] * 2 if how == "double" else "") + word[at + 1 :]
