"""One dialogue as a row, and the draft from which it is made.

The text is `USER: question`, a newline, `TILELLI: reply`, a newline, once for every turn; one dialogue is one document.
The last reply is the target, everything before it the prompt. This module knows nothing of where questions come from.
"""

from dataclasses import asdict, dataclass
from typing import Any

from tilelli.data.dialogues.facts import Fact, normalise

LONGEST = 240  # bytes of prompt and reply, so that a dialogue fits into a context of 256


@dataclass(frozen=True)
class Dialogue:
    """A prompt up to and including `TILELLI:`, the reply that should follow, and what is known about both.

    Attributes:
        answerable: whether the right reply is an answer.
        kind: the fine sort of question, such as `countries.capital`; unanswerable kinds of `test` are never trained on.
        category: the coarse sort, such as `facts` or `invented`.
        answers: normalised texts, one of which a right reply holds. An untaught fact and a false premise keep the true
            answer here, to tell a reply known from elsewhere from an invented one; other unanswerable rows have none.
        split: `train`, `valid`, `test` or the name of a crux bank.
        turns: how many questions the dialogue holds.
        wording: the template of the last question.
        fact: `table.column|entity` where the question is about one.
    """

    prompt: str
    reply: str
    answerable: bool
    kind: str
    category: str
    answers: tuple[str, ...]
    split: str
    turns: int
    wording: str
    fact: str = ""

    @property
    def text(self) -> str:
        """The whole document."""
        return f"{self.prompt} {self.reply}\n"

    @property
    def question(self) -> str:
        """The last thing the user said."""
        return self.prompt.rsplit("USER: ", 1)[1].removesuffix("\nTILELLI:")

    def row(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Draft:
    """A question and its reply before case, typos and earlier turns; `protect` lists words that typos leave alone."""

    question: str
    reply: str
    answerable: bool
    kind: str
    category: str
    wording: str
    answers: tuple[str, ...] = ()
    fact: str = ""
    protect: str = ""
    history: tuple[tuple[str, str], ...] = ()


def key(fact: Fact) -> str:
    """How a row names a fact."""
    return f"{fact.relation}|{fact.entity}"


def accepted(fact: Fact) -> tuple[str, ...]:
    return tuple(normalise(answer) for answer in fact.answers)


def finish(draft: Draft, split: str) -> Dialogue | None:
    """The dialogue, or None when it would not fit."""
    earlier = "".join(f"USER: {asked}\nTILELLI: {said}\n" for asked, said in draft.history)
    prompt = f"{earlier}USER: {draft.question}\nTILELLI:"
    if len(f"{prompt} {draft.reply}".encode()) > LONGEST:
        return None
    answers = tuple(dict.fromkeys(normalise(answer) for answer in draft.answers))
    turns = len(draft.history) + 1
    same = (draft.answerable, draft.kind, draft.category, answers, split, turns, draft.wording, draft.fact)
    return Dialogue(prompt, draft.reply, *same)
