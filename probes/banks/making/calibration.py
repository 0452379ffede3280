"""The bank `calibration`: questions with checked answers, and forced choices in fours that no habit can win.

Of two facts of one relation each is asked with both answers as options, in either order. Every option is right as often
as it is wrong, at the first place as often as at the second; so neither a liking for a word nor for a place helps.
"""

from dataclasses import replace
from random import Random

from probes.banks.bank import CALIBRATION, TEST, Question, asked
from probes.banks.making.knowledge import drafts, of, pairs, row
from tilelli.data.dialogues.facts import Fact
from tilelli.data.dialogues.rows import accepted

SEED = "bank calibration 1"
QUESTIONS = {"facts": 400, "arithmetic": 48, "comparing": 40, "spelling": 32}
FOURS = 120


def make() -> list[Question]:
    """Half of the questions and half of the fours are for choosing; no fact stands in both halves."""
    rng = Random(SEED)
    asked_for = [draft for part, count in QUESTIONS.items() for draft in drafts(part, count, rng)]
    rows = [_halved(row(draft, "questions"), number) for number, draft in enumerate(asked_for)]
    for number, (one, other) in enumerate(pairs(rng)[:FOURS]):
        rows += [_halved(choice, number) for choice in _four(one, other)]
    return rows


def _halved(made: Question, number: int) -> Question:
    return replace(made, split=TEST if number % 2 else CALIBRATION)


def _four(one: Fact, other: Fact) -> list[Question]:
    answers = one.answers[0], other.answers[0]
    return [_choice(fact, options) for fact in (one, other) for options in (answers, answers[::-1])]


def _choice(fact: Fact, options: tuple[str, ...]) -> Question:
    prompt = asked(f"Which is {of(fact)}: {options[0]} or {options[1]}?")
    kind = f"{fact.relation}|{fact.entity}"
    return Question(prompt, True, accepted(fact), "choices", "choice", kind, options=options)
