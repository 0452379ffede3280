"""Who may learn what: facts taught, refused or held out, and the squares that make the crux sets fair.

A fact square is two entities and two relations: of the first entity the first relation is held out and the second
taught, of the second entity the other way round. Every entity, every relation and every wording thus stands once on
each side, so nothing that adds up words can tell held out from taught; only knowing which *pairs* were taught can. A
premise square is two taught facts of one relation, each claimed with its own answer and with the other's.

Refused facts are asked a few times in training and answered with "I don't know": they teach that a known name and a
known question do not make a known fact. This module knows nothing of wordings.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from random import Random

from tilelli.data.dialogues.asking import statement
from tilelli.data.dialogues.facts import Fact, facts, guessable, normalise
from tilelli.data.dialogues.leaks import Leaks
from tilelli.data.dialogues.rows import accepted
from tilelli.data.dialogues.wordings import SPLITS, relation_of, relations

FACT_SQUARES = {"test": 160, "valid": 45}  # each holds out two facts
PREMISE_SQUARES = {"test": 160, "valid": 45}  # each makes two true and two false premises
REFUSED = 1000
# tables and relations that everybody expects it to know, or whose answers can be worked out
NEVER_WITHHELD = {"calendar", "months", "planets", "shapes", "units", "plurals", "verbs", "opposites"} | {
    "animals.class",
    "animals.group",  # asked for in the plural, which would tell its rows from others
    "animals.legs",
}
# what a newcomer asks first, so a chat model should know it whatever the seed
ASKED_FIRST = {
    "Algeria", "Argentina", "Australia", "Brazil", "Canada", "China", "Egypt", "England", "France", "Germany", "Greece",
    "India", "Ireland", "Italy", "Japan", "Kenya", "Mexico", "Morocco", "Nigeria", "Norway", "Peru", "Poland",
    "Portugal", "Russia", "Spain", "Sweden", "Turkey",
}  # fmt: skip

Square = tuple[Fact, Fact]


@dataclass(frozen=True)
class Plan:
    """What one seed decides.

    Attributes:
        taught: facts whose answer the training dialogues give.
        refused: facts that training asks for and does not answer.
        held: by split, the pairs of held-out facts of each fact square; they appear in no other dialogue.
        beside: by split, the pairs of taught facts of the same squares, in the same order.
        premises: by split, pairs of taught facts of one relation whose claims only that split hears.
    """

    taught: tuple[Fact, ...]
    refused: tuple[Fact, ...]
    held: dict[str, tuple[Square, ...]]
    beside: dict[str, tuple[Square, ...]]
    premises: dict[str, tuple[Square, ...]]

    @property
    def withheld(self) -> tuple[Fact, ...]:
        """Every fact whose answer must not be found in training: held out or refused."""
        return (*(fact for squares in self.held.values() for square in squares for fact in square), *self.refused)

    @property
    def sha256(self) -> str:
        """From two models the same facts were withheld if this is the same."""
        facts = sorted((fact.table, fact.entity, fact.column) for fact in self.withheld)
        return hashlib.sha256(repr(facts).encode()).hexdigest()


def plan(seed: int) -> Plan:
    """The same plan for the same seed, whatever is generated from it."""
    rng = Random(f"plan {seed}")
    held, beside = _fact_squares(rng)
    fixed = {fact for squares in (*held.values(), *beside.values()) for square in squares for fact in square}
    spare = [fact for fact in facts() if fact not in fixed and may_withhold(fact)]
    refused = tuple(rng.sample(spare, REFUSED))
    out = {fact for squares in held.values() for square in squares for fact in square} | set(refused)
    taught = tuple(fact for fact in facts() if fact not in out)
    return Plan(taught, refused, held, beside, _premise_squares(taught, rng))


def _fact_squares(rng: Random) -> tuple[dict[str, tuple[Square, ...]], dict[str, tuple[Square, ...]]]:
    corners = _possible_squares(rng)
    held: dict[str, tuple[Square, ...]] = {}
    beside: dict[str, tuple[Square, ...]] = {}
    for split, count in FACT_SQUARES.items():
        chosen, corners = corners[:count], corners[count:]
        held[split] = tuple((one_first, other_second) for one_first, _, _, other_second in chosen)
        # in the order of relations of `held`: the second entity's first relation, then the first entity's second
        beside[split] = tuple((other_first, one_second) for _, one_second, other_first, _ in chosen)
    return held, beside


def _possible_squares(rng: Random) -> list[tuple[Fact, Fact, Fact, Fact]]:
    """Squares that share no entity, of facts that cannot be guessed, tables mixed in proportion to their size."""
    by_entity: dict[tuple[str, str], dict[str, Fact]] = defaultdict(dict)
    for fact in facts():
        if may_withhold(fact):
            by_entity[fact.table, fact.entity][fact.column] = fact
    pools: dict[tuple[str, str, str], list[dict[str, Fact]]] = defaultdict(list)
    for (table, _), known in sorted(by_entity.items()):
        if len(known) > 1:
            one, other = sorted(rng.sample(sorted(known), 2))
            pools[table, one, other].append(known)
    squares = []
    for (_, one, other), pool in sorted(pools.items()):
        rng.shuffle(pool)
        pairs = zip(pool[::2], pool[1::2], strict=False)
        squares += [
            (a[one], a[other], b[one], b[other]) for a, b in pairs if not _tangled(a[one], a[other], b[one], b[other])
        ]
    rng.shuffle(squares)
    return squares


def may_withhold(fact: Fact) -> bool:
    """Whether some seed may leave the fact out of training; the others are taught whatever the seed."""
    if fact.entity in ASKED_FIRST or fact in _told_elsewhere() or set(accepted(fact)) & _plain_words():
        return False
    return not {fact.table, fact.relation} & NEVER_WITHHELD and not guessable(fact)


@cache
def _told_elsewhere() -> frozenset[Fact]:
    """Facts whose entity and answer also meet in the statement of another fact, which would give them away."""
    leaks = Leaks(facts())
    return frozenset(met for fact in facts() for met in leaks.met(statement(fact)) if met != fact)


@cache
def _plain_words() -> frozenset[str]:
    """Words of the wordings: `In` is an answer, but also stands in half of the questions."""
    wordings = [relation.wordings(split) for relation in relations().values() for split in SPLITS]
    return frozenset(word for some in wordings for wording in some for word in normalise(wording).split())


def _tangled(*corners: Fact) -> bool:
    """Whether two corners share an answer, so that one would give another away."""
    return any(set(accepted(a)) & set(accepted(b)) for a, b in combinations(corners, 2))


def _premise_squares(taught: tuple[Fact, ...], rng: Random) -> dict[str, tuple[Square, ...]]:
    by_relation: dict[str, list[Fact]] = defaultdict(list)
    for fact in taught:
        if not relation_of(fact).open:
            by_relation[fact.relation].append(fact)
    squares = []
    for _, pool in sorted(by_relation.items()):
        rng.shuffle(pool)
        squares += [(a, b) for a, b in zip(pool[::2], pool[1::2], strict=False) if not _tangled(a, b)]
    rng.shuffle(squares)
    found, start = {}, 0
    for split, count in PREMISE_SQUARES.items():
        found[split], start = tuple(squares[start : start + count]), start + count
    return found | {"train": tuple(squares[start:])}
