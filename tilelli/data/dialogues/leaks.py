"""Whether a dialogue gives a withheld fact away: its entity and one of its answers in one text, however worded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from tilelli.data.dialogues.facts import Fact, normalise
from tilelli.data.dialogues.rows import accepted


class Leaks:
    """Looks for facts in texts, by the first word of their entity."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._by_word: dict[str, list[tuple[str, tuple[str, ...], Fact]]] = defaultdict(list)
        for fact in dict.fromkeys(facts):
            name = normalise(fact.entity)
            self._by_word[name.split()[0]].append((f" {name} ", accepted(fact), fact))

    def met(self, text: str) -> Iterator[Fact]:
        """Facts whose entity and answer both stand in the text as whole words."""
        said = f" {normalise(text)} "
        for word in set(said.split()) & self._by_word.keys():
            for name, answers, fact in self._by_word[word]:
                if name in said and any(f" {answer} " in said for answer in answers):
                    yield fact

    def any(self, text: str) -> bool:
        return next(self.met(text), None) is not None
