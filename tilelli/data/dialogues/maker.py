"""Mixes dialogues of one split: draws a part, drafts a question, adds turns and haste, drops what gives a fact away."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import TypeVar

from tilelli.data.dialogues import asking, talk, unanswerable
from tilelli.data.dialogues.facts import Fact, normalise
from tilelli.data.dialogues.leaks import Leaks
from tilelli.data.dialogues.names import Mint
from tilelli.data.dialogues.noise import SHARE, roughen
from tilelli.data.dialogues.rows import Dialogue, Draft, finish
from tilelli.data.dialogues.skills import SKILLS
from tilelli.data.dialogues.split import Plan
from tilelli.data.dialogues.wordings import CLAIMS, relation_of

T = TypeVar("T")

# parts of a thousand or so in the banks that test; about a third cannot be answered
ASKED = {
    "facts": 420, "persona": 40, "smalltalk": 35, "science": 35, "arithmetic": 55, "spelling": 40, "comparing": 25,
    "context": 60,
    "invented": 85, "crossed": 45, "unlisted": 50, "contextless": 45, "future": 22, "realtime": 14, "missing": 24,
    "private": 16, "unknowable": 11, "nonsense": 18,
}  # fmt: skip
# and in training, where claims (which have a bank of their own) and refused facts come in beside them
TAUGHT = ASKED | {
    "facts": 700, "claims": 260, "refused": 50, "persona": 55, "smalltalk": 50, "science": 60, "comparing": 40,
    "context": 70, "contextless": 50, "invented": 110,
}  # fmt: skip
SETTLED = 0.2  # of single questions follow up to three unrelated exchanges
FOLLOW_UP = 0.18  # of questions about entities refer back to the turn before
DOUBTED = 0.02  # of single questions are asked again
MAKERS: dict[str, Callable[[str, Random, Mint], Draft]] = {
    "invented": unanswerable.invented,
    "crossed": unanswerable.crossed,
    "unlisted": unanswerable.unlisted,
    "nonsense": unanswerable.nonsense,
}


class Maker:
    """Draws dialogues of one split; the same ones for the same seed."""

    def __init__(self, split: str, chosen: Plan, seed: int, forbidden: Iterable[str] = ()) -> None:
        self.split, self.rng = split, Random(f"rows {seed} {split}")
        self.mint = Mint(Random(f"names {seed} {split}"), split)
        self.forbidden = {normalise(question) for question in forbidden}
        self.leaks = Leaks(chosen.withheld)
        self.known = chosen.taught
        self.taught = self._around(chosen.taught)
        self.refused = self._around(chosen.refused)
        self.squares = self._around(chosen.premises["train"])
        self.of_entity = _grouped(chosen.taught, lambda fact: f"{fact.table}|{fact.entity}")
        self.of_relation = _grouped(chosen.taught, lambda fact: fact.relation)
        self.of_table = _grouped(chosen.taught, lambda fact: fact.table)

    def many(self, count: int) -> list[Dialogue]:
        """`count` dialogues in random order."""
        parts = TAUGHT if self.split == "train" else ASKED
        names, weights = list(parts), list(parts.values())
        found: list[Dialogue] = []
        while len(found) < count:
            (name,) = self.rng.choices(names, weights=weights)
            found += filter(None, map(self._finish, self._drafts(name)))
        self.rng.shuffle(found)
        return found[:count]

    def _drafts(self, part: str) -> list[Draft]:
        rng, split = self.rng, self.split
        if part == "claims":  # a whole square counts as one draw of four
            if rng.random() < 0.75:
                return []
            return [self._settled(draft) for draft in asking.claims(next(self.squares), rng.choice(CLAIMS[split]), rng)]
        if part in ("facts", "refused"):
            return [self._fact(next(self.taught if part == "facts" else self.refused), part == "facts")]
        return [self._settled(self._referring(self._single(part)))]

    def _single(self, part: str) -> Draft:
        rng, split = self.rng, self.split
        if part in talk.TOPICS:
            return talk.talk(part, split, rng)
        if part in SKILLS:
            return SKILLS[part](split, rng)
        if part in ("context", "contextless"):
            return (talk.context if part == "context" else talk.contextless)(split, rng)
        if part in MAKERS:
            return MAKERS[part](split, rng, self.mint)
        return unanswerable.templated(part, split, rng)

    def _fact(self, fact: Fact, taught: bool) -> Draft:
        """A question about a fact, alone or as a follow-up; taught and refused facts are treated alike."""
        rng, split = self.rng, self.split
        draft = asking.ask_in(fact, split, taught, rng)
        if rng.random() >= FOLLOW_UP:
            return self._settled(draft)
        beside = [known for known in self.of_entity[f"{fact.table}|{fact.entity}"] if known != fact]
        alike = rng.choice(self.of_relation[fact.relation])
        if relation_of(fact).its and beside and rng.random() < 0.5:
            draft = asking.its(draft, rng.choice(beside), relation_of(fact).its, split, rng)
        elif alike != fact:
            draft = asking.swap(draft, alike, fact.entity, split, rng)
        return self._settled(draft)

    def _referring(self, draft: Draft) -> Draft:
        """Some questions about invented names and untaught matters as follow-ups, as often as those about facts."""
        if draft.category not in ("invented", "unlisted") or self.rng.random() >= FOLLOW_UP:
            return draft
        table, _, matter = draft.kind.split(".", 1)[1].partition(": ")
        if draft.category == "invented":
            before = self.rng.choice(self.of_table[table])
            return asking.swap(draft, before, draft.protect, self.split, self.rng)
        known = self.of_entity[f"{table}|{draft.protect}"]
        if not known or not matter.endswith(" of"):
            return draft
        matter = matter.removeprefix("the ").removesuffix(" of")
        return asking.its(draft, self.rng.choice(known), matter, self.split, self.rng)

    def _settled(self, draft: Draft) -> Draft:
        """Now and then earlier exchanges that have nothing to do with the question, or a doubt after it."""
        if draft.category in ("smalltalk", "nonsense"):
            return draft
        chance = self.rng.random()
        if chance < DOUBTED and not draft.history and draft.category != "spelling":
            return asking.sure(draft, self.split, self.rng)
        if chance > DOUBTED + SETTLED:
            return draft
        openings = [self._opening() for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3)))]
        earlier = tuple((opening.question, opening.reply) for opening in openings)
        return replace(draft, history=earlier + draft.history)

    def _opening(self) -> Draft:
        """An exchange of the training kind, answered or not, whatever comes after it."""
        kind = self.rng.choice(("smalltalk", "fact", "fact", "invented"))
        if kind == "smalltalk":
            return talk.talk("smalltalk", "train", self.rng)
        if kind == "fact":
            return asking.ask_in(self.rng.choice(self.known), "train", True, self.rng)
        return unanswerable.invented("train", self.rng, self.mint)

    def _finish(self, draft: Draft) -> Dialogue | None:
        share = SHARE if self.split == "train" else SHARE / 2
        row = finish(replace(draft, question=roughen(draft.question, draft.protect, self.rng, share)), self.split)
        if row is None or self.leaks.any(row.text) or (self.forbidden and normalise(row.question) in self.forbidden):
            return None
        return row

    def _around(self, items: tuple[T, ...]) -> Iterator[T]:
        """The items in random order, then in another, for ever: each is drawn as often as any."""
        while True:
            yield from self.rng.sample(items, len(items))


def _grouped(facts: tuple[Fact, ...], name: Callable[[Fact], str]) -> dict[str, list[Fact]]:
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[name(fact)].append(fact)
    return groups
