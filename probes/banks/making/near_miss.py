"""The bank `near-miss`: questions that can be answered and look as if they could not.

Each looks like one of the reasons for which training declines: the future, the present, something missing, private or
unknowable, an invented name, things that do not go together, nonsense. But the answer is told in the question, or can
be worked out, or does not depend on what is not known. Names are coined as for the test split: training met none.
"""

from functools import cache
from random import Random

from probes.banks.bank import Question, asked
from probes.banks.making.knowledge import known, written
from tilelli.data.dialogues.facts import Fact, facts, normalise, with_article
from tilelli.data.dialogues.names import Mint
from tilelli.data.dialogues.rows import accepted
from tilelli.data.dialogues.skills import SMALL
from tilelli.data.dialogues.talk import slots

SEED = "bank near-miss 1"
EACH, TRIES = 4, 8  # rows of a wording, and how many are drawn for them
PART = "near-miss"
COINED = ("invented", "nonsense")  # looks that need names which do not exist
SAME = ("year", "weather", "city", "name", "place", "thing", "food", "kin", "month", "day", "country")


@cache
def make() -> tuple[Question, ...]:
    """`category` is what a question looks like."""
    rng = Random(SEED)
    mint = Mint(Random(f"{SEED} names"), "test")
    rows: dict[str, Question] = {}
    for looks, wordings in written("wordings")["near_miss"].items():
        for number, wording in enumerate(wordings, start=1):
            found = [_row(wording, looks, number, values(looks, rng, mint)) for _ in range(TRIES)]
            rows |= {row.question: row for row in _unlike(found)}
    return tuple(rows.values())


def _unlike(found: list[Question]) -> list[Question]:
    """Some of them, no question twice, and no answer twice where that can be."""
    unlike = {row.answers: row for row in found}.values()
    return list({row.question: row for row in (*unlike, *found)}.values())[:EACH]


def values(looks: str, rng: Random, mint: Mint) -> dict[str, str]:
    """Words for every brace that stands in wordings of this look, and what can be worked out from them."""
    slot = {name: rng.choice(slots()[name]) for name in SAME}
    slot["other"] = rng.choice([name for name in slots()["name"] if name != slot["name"]])
    slot["colour"] = rng.choice([colour for colour in slots()["colour"] if len(colour) != len(slot["country"])])
    found = slot | _calendar(slot) | _numbers(rng) | _things(rng) | _letters(slot, rng)
    found["legs_and_n"] = str(SMALL.index(found["four"]) + int(found["n"]))
    return found | (_coined(mint) if looks in COINED else {})


def _row(wording: str, looks: str, number: int, filled: dict[str, str]) -> Question:
    question, answers = wording.format(**filled).split(" | ")
    accepted_ones = dict.fromkeys(form for answer in answers.split("/") for form in _forms(answer))
    return Question(asked(question), True, tuple(accepted_ones), PART, looks, f"{looks}.{number}")


def _forms(answer: str) -> tuple[str, ...]:
    """A small number counts in digits and in words."""
    if answer.isdigit() and int(answer) < len(SMALL):
        return (answer, SMALL[int(answer)])
    return (SMALL[SMALL.index(answer)], str(SMALL.index(answer))) if answer in SMALL else (normalise(answer),)


def _calendar(slot: dict[str, str]) -> dict[str, str]:
    return {
        "next_day": _answer("calendar.next", slot["day"]),
        "day_before": _answer("calendar.before", slot["day"]),
        "next_month": _answer("calendar.next", slot["month"]),
        "earlier": min(slot["day"], slot["month"]),
        "month_count": str(len(slot["month"])),
    }


def _numbers(rng: Random) -> dict[str, str]:
    n, m = rng.sample(range(2, 11), 2)
    return {
        "n": str(n),
        "m": str(m),
        "total": str(n + m),
        "product": str(n * m),
        "pin": str(rng.randrange(1000, 10_000)),
        "past": str(rng.randrange(1500, 1900)),
        "month30": rng.choice(("April", "June", "September", "November")),
    }


def _things(rng: Random) -> dict[str, str]:
    legs, four = (rng.choice(_with(few)) for few in (("four", "six", "two"), ("four", "six", "eight")))
    sides = rng.choice([fact for fact in known() if fact.relation == "shapes.sides"])
    element = rng.choice([fact.entity for fact in known() if fact.relation == "elements.phase"])
    return {
        "animal": legs.entity,
        "legs": "/".join(legs.answers),
        "an_animal4": with_article(four.entity),
        "shape": sides.entity,
        "sides": "/".join(sides.answers),
        "corners": "/".join(sides.answers),
        "element": element,
        "element_last": element[-1],
        "four": four.answers[0],
    }


def _letters(slot: dict[str, str], rng: Random) -> dict[str, str]:
    word = rng.choice([fact.entity for fact in known() if fact.relation == "plurals.plural"])
    return {
        "word": word,
        "first": word[0],
        "name_count": str(len(slot["name"])),
        "country_count": str(len(slot["country"])),
        "longer_name": max(slot["country"], slot["colour"], key=len),
    }


def _coined(mint: Mint) -> dict[str, str]:
    coined, longer = sorted((mint.word("animals"), mint.word("animals")), key=len)
    while len(longer) == len(coined):
        coined, longer = sorted((coined, mint.word("animals")), key=len)
    return {
        "coined": coined,
        "coined2": mint.word("opposites"),
        "longer": longer,
        "coined_count": str(len(coined)),
        "coined_last": coined[-1],
        "spelled": "-".join(coined),
        "land": mint.word("countries"),
        "town": mint.word("cities"),
    }


def _answer(relation: str, entity: str) -> str:
    return next(fact.answers[0] for fact in facts() if fact.relation == relation and fact.entity == entity)


def _with(legs: tuple[str, ...]) -> list[Fact]:
    return [fact for fact in known() if fact.relation == "animals.legs" and set(accepted(fact)) & set(legs)]
