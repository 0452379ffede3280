"""What any bundled chat model can be expected to know: facts that every seed teaches, in wordings that none trains on.

Which facts training leaves out depends on its seed, but most are never left out; the made banks ask only those. They
are therefore fair to a model taught from any seed. This module knows nothing of regimes.
"""

import tomllib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from probes.banks.bank import Question, asked
from tilelli.data.dialogues.asking import ask
from tilelli.data.dialogues.facts import Fact, facts, normalise
from tilelli.data.dialogues.rows import Draft, accepted
from tilelli.data.dialogues.skills import SKILLS
from tilelli.data.dialogues.split import may_withhold
from tilelli.data.dialogues.talk import TOPICS, talk
from tilelli.data.dialogues.wordings import fill, relation_of

SPLIT = "test"  # whose wordings are asked
# relations in which another entity's answer is wrong beyond doubt, as long as it is not accepted
CLEAR = {
    "months.number", "months.days", "units.amount", "shapes.sides", "shapes.corners", "planets.order", "planets.next",
    "elements.phase", "animals.legs", "animals.class", "verbs.past", "plurals.plural", "countries.capital",
    "countries.currency", "countries.continent", "states.capital", "cities.country", "landmarks.country",
    "rivers.continent", "mountains.continent", "books.author",
}  # fmt: skip
# of which it can be doubted: they lie on two continents, bear the name of a second place, or are of a class of classes
DOUBTFUL = {
    "Armenia", "Australia", "Azerbaijan", "Cyprus", "Egypt", "Georgia", "Indonesia", "Kazakhstan", "Panama", "Russia",
    "Turkey", "East Timor", "Trinidad and Tobago", "Mount Elbrus", "Perth", "Saint Petersburg", "jellyfish",
    "earthworm",
}  # fmt: skip
MOST = 12  # pairs of a relation, so that none outweighs the others
FOLDER = Path(__file__).parent


@cache
def written(name: str) -> dict[str, Any]:
    """A TOML file of this folder."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def known() -> tuple[Fact, ...]:
    """Facts that training gives whatever its seed, of relations whose right answers the tables hold."""
    return tuple(fact for fact in facts() if not may_withhold(fact) and not relation_of(fact).open)


def of(fact: Fact) -> str:
    """What is asked for: `the plural of goose`."""
    return fill(relation_of(fact).of, fact.entity)


def drafts(part: str, count: int, rng: Random) -> list[Draft]:
    """`count` different answerable drafts: `facts`, a skill such as `arithmetic`, or a topic such as `persona`."""
    found: dict[str, Draft] = {}
    pool = iter(rng.sample(known(), len(known())))
    for _ in range(1000 * count):
        if part == "facts":
            fact = next(pool)
            draft = ask(fact, rng.choice(relation_of(fact).wordings(SPLIT)), True, rng)
        else:
            draft = SKILLS[part](SPLIT, rng) if part in SKILLS else talk(part, SPLIT, rng)
        found.setdefault(normalise(draft.question), draft)
        if len(found) == count:
            return list(found.values())
    raise AssertionError(f"there are not {count} {part}, of {', '.join(('facts', *SKILLS, *TOPICS))}")


def row(draft: Draft, part: str, category: str = "", before: str = "") -> Question:
    """An answerable draft as a row; `before` is what is said in front of the question."""
    answers = tuple(dict.fromkeys(normalise(answer) for answer in draft.answers))
    prompt = asked(f"{before} {draft.question}".strip())
    return Question(prompt, True, answers, part, category or draft.category, f"{draft.category}.{draft.kind}")


def pairs(rng: Random) -> list[tuple[Fact, Fact]]:
    """Two facts of one clear relation that do not share an answer; no fact is in two pairs."""
    by_relation: dict[str, list[Fact]] = {}
    for fact in known():
        if fact.relation in CLEAR and fact.entity not in DOUBTFUL:
            by_relation.setdefault(fact.relation, []).append(fact)
    found = [pair for pool in by_relation.values() for pair in _paired(rng.sample(pool, len(pool)))[:MOST]]
    rng.shuffle(found)
    return found


def _paired(pool: list[Fact]) -> list[tuple[Fact, Fact]]:
    found = []
    while pool:
        one = pool.pop()
        other = next((fact for fact in pool if not set(accepted(one)) & set(accepted(fact))), None)
        if other:
            pool.remove(other)
            found.append((one, other))
    return found
