"""The bank `regimes`: the seven regimes of the published protocol, for models taught by the chat corpus.

`in_domain` is what they were taught, in wordings they were not. Each of the others leaves that in one way: another
topic, another style, a false presupposition, a long text before the question, a question that only looks unanswerable,
or no language at all. This module knows nothing of what is measured.
"""

import base64
from dataclasses import replace
from random import Random

from probes.banks.bank import Question, asked
from probes.banks.making import near_miss
from probes.banks.making.filler import filler
from probes.banks.making.knowledge import drafts, known, of, pairs, row, written
from tilelli.data.dialogues.facts import Fact, normalise, vocabulary
from tilelli.data.dialogues.rows import Draft, accepted
from tilelli.data.dialogues.wordings import relation_of, sentence

SEED = "bank regimes 1"
EACH = 120
IN_DOMAIN = {
    "facts": 64, "arithmetic": 14, "spelling": 8, "comparing": 8, "science": 10, "persona": 10, "smalltalk": 6,
}  # fmt: skip
BEFORE = (60, 100, 140, 180, 240, 320, 480, 700)  # bytes of text before the question of a long input
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
MARKS = "!?#%&*+=~^<>|/.,;:-_@$"
FAR = "жщыъэюфцгкшλξψωδφαβγσזחטכץקරවනමཀཁགངའ"


def make() -> list[Question]:
    """120 rows of each regime; `category` is the regime, except where a reply to a premise is looked for."""
    rng = Random(SEED)
    plain = [draft for part, count in IN_DOMAIN.items() for draft in drafts(part, count, rng)]
    return [
        *(row(draft, "in_domain", "in_domain") for draft in plain),
        *_other_topics(),
        *_other_styles(rng),
        *_misleading(rng),
        *_long(rng),
        *_near_misses(rng),
        *_gibberish(rng),
    ]


def _other_topics() -> list[Question]:
    rows = []
    for topic, lines in written("topics").items():
        for line in lines:
            question, answers = line.split(" | ")
            said = tuple(dict.fromkeys(map(normalise, answers.split("/"))))
            rows.append(Question(asked(question), False, said, "ood_topic", "ood_topic", topic))
    return rows


def _other_styles(rng: Random) -> list[Question]:
    """Known facts, each asked in one style."""
    styles: dict[str, str] = written("wordings")["styles"]
    chosen = rng.sample(known(), EACH)
    return [_styled(fact, *list(styles.items())[number % len(styles)]) for number, fact in enumerate(chosen)]


def _styled(fact: Fact, style: str, wording: str) -> Question:
    question = wording.replace("{of}", of(fact)).replace("{OF}", of(fact).upper())
    return Question(asked(question), True, accepted(fact), "ood_style", "ood_style", style)


def _misleading(rng: Random) -> list[Question]:
    """Another fact's answer, taken for granted; what is true stands in `answers`."""
    wordings: list[str] = written("wordings")["misleading"]["wordings"]
    rows = []
    for number, (fact, other) in enumerate(pairs(rng)[:EACH]):
        false = relation_of(fact).claim(fact.entity, other.answers[0])
        question = sentence(wordings[number % len(wordings)].replace("{s}", false))
        kind = f"premise.{fact.relation}"
        rows.append(Question(asked(question), False, accepted(fact), "factual_misleading", "premise", kind))
    return rows


def _long(rng: Random) -> list[Question]:
    """Known things, asked behind text that has nothing to do with them."""
    plain: list[Draft] = drafts("facts", 80, rng) + drafts("arithmetic", 24, rng) + drafts("comparing", 16, rng)
    rows = []
    for number, draft in enumerate(plain):
        length = BEFORE[number % len(BEFORE)]
        made = row(draft, "long_input", "long_input", filler(length, rng, draft.answers))
        rows.append(replace(made, kind=f"{length} bytes before.{made.kind}"))
    return rows


def _near_misses(rng: Random) -> list[Question]:
    """As many of each kind as can be, of the bank that has more of them."""
    part, rows = "neo_false_inability", near_miss.make()
    kept = sorted(rng.sample(range(len(rows)), EACH))
    return [replace(rows[number], part=part, category=part) for number in kept]


def _gibberish(rng: Random) -> list[Question]:
    hows = {
        "keyboard": _keyboard, "consonants": _consonants, "marks": _marks, "digits": _digits, "cases": _cases,
        "scripts": _scripts, "encoded": _encoded, "stutter": _stutter,
    }  # fmt: skip
    rows: dict[str, Question] = {}
    while len(rows) < EACH:
        how = list(hows)[len(rows) % len(hows)]
        text = " ".join(hows[how](rng) for _ in range(rng.randint(2, 5)))
        if not set(normalise(text).split()) & vocabulary():
            rows.setdefault(text, Question(asked(text), False, (), "gibberish", "gibberish", how))
    return list(rows.values())


def _letters(options: str, rng: Random, fewest: int = 3, most: int = 9) -> str:
    return "".join(rng.choice(options) for _ in range(rng.randint(fewest, most)))


def _keyboard(rng: Random) -> str:
    return _letters(rng.choice(KEYS), rng, 4)


def _consonants(rng: Random) -> str:
    return _letters("bcdfghjklmnpqrstvwxz", rng, 4)


def _marks(rng: Random) -> str:
    return _letters(MARKS, rng)


def _digits(rng: Random) -> str:
    return _letters("0123456789abcdef", rng, 6)


def _cases(rng: Random) -> str:
    return "".join(rng.choice((letter, letter.upper())) for letter in _letters("bdfgjkqvwxyzaou", rng, 5))


def _scripts(rng: Random) -> str:
    return _letters(FAR, rng)


def _encoded(rng: Random) -> str:
    return base64.b64encode(rng.randbytes(rng.randint(4, 8))).decode()


def _stutter(rng: Random) -> str:
    return _letters("abdegiklmnoprstu", rng, 2, 3) * rng.randint(2, 4)
