"""Banks out of the chat corpus: dialogues that no model taught from one seed has met, and what must be shown on them.

Nothing of them is stored: `tilelli.data.dialogue` makes them when they are asked for, and their cards pin the hash.
They hold a general split and two parts where the wording tells nothing, once to choose on (`valid`) and once to read.
"""

from dataclasses import replace
from functools import cache

from probes.banks.bank import CALIBRATION, TEST, Bank, Question
from probes.banks.reading import card
from probes.verdict import Rule
from tilelli.data.dialogue import Dialogue, banks

SEED = 0  # the bundled banks are those of a model that was taught from this seed
ABSTAIN_P, ADVANTAGE = "AUROC of abstain_p", "abstain_p minus the better surface"
HALLUCINATION, INABILITY, RIGHT = "hallucination", "false inability", "right, closed world"
TEXT, LOSS = "plain text", "bpb over the base's"
LOCKED = ("test", "held-out-facts", "premises")
OPEN = ("valid", "valid-held-out-facts", "valid-premises")


def dialogue_test() -> Bank:
    """The rows to read."""
    return Bank("dialogue-test", _rows(LOCKED), card("dialogue-test"), _rules(*LOCKED), SEED)


def dialogue_valid() -> Bank:
    """The rows on which recipes and thresholds are chosen."""
    return Bank("dialogue-valid", _rows(OPEN), card("dialogue-valid"), _rules(*OPEN), SEED)


def abstain() -> Bank:
    """Both: a threshold is chosen on its calibration half, figures are read on its test half."""
    return Bank("abstain", _rows(OPEN) + _rows(LOCKED), card("abstain"), _rules(*LOCKED), SEED)


@cache
def _rows(parts: tuple[str, ...]) -> tuple[Question, ...]:
    split = TEST if parts == LOCKED else CALIBRATION
    return tuple(replace(from_dialogue(row), split=split) for part in parts for row in _held_back()[part])


@cache
def _held_back() -> dict[str, list[Dialogue]]:
    return banks(SEED)


def from_dialogue(row: Dialogue) -> Question:
    """A dialogue of the chat corpus as a question; the reply that should follow is not part of it."""
    return Question(row.prompt, row.answerable, row.answers, row.split, row.category, row.kind)


def _rules(general: str, held_out: str, premises: str) -> tuple[Rule, ...]:
    aurocs: list[Rule] = []
    for part, target in ((general, 0.92), (held_out, 0.75), (premises, 0.70)):
        aurocs += [Rule(part, ABSTAIN_P, "at least", target), Rule(part, ADVANTAGE, "clearly above", 0)]
    return (
        *aurocs,
        Rule(general, HALLUCINATION, "at most", 0.15),
        Rule(general, INABILITY, "at most", 0.15),
        Rule(general, RIGHT, "at least", 0.70),
        Rule(TEXT, LOSS, "at most", 1.03),
    )
