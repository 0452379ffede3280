"""The bank `long`: the same questions behind more and more text, known from training or told at its beginning."""

from random import Random

from probes.banks.bank import Question, asked
from probes.banks.making.filler import filler
from probes.banks.making.knowledge import drafts, row, written
from tilelli.data.dialogues.facts import normalise
from tilelli.data.dialogues.talk import slots

SEED = "bank long 1"
LENGTHS = (128, 160, 192, 224, 256, 320, 384, 512, 768, 1024)  # bytes of a prompt; before them it stands bare
ITEMS = 20
SHORT = 60  # bytes of a bare prompt, so that some filler fits into the shortest


def make() -> list[Question]:
    """Every item at every length; `category` says how long, `kind` which item."""
    rng = Random(SEED)
    rows = []
    short = [draft for draft in drafts("facts", 300, rng) if len(asked(draft.question)) <= SHORT][:ITEMS]
    for number, draft in enumerate(short, start=1):
        bare = row(draft, "question")
        rows += [_row("question", number, said, draft.question, bare.answers) for said in _grown("", bare, rng)]
    for number, (told, ask, answer) in enumerate(_told(rng), start=1):
        bare = Question(asked(f"{told} {ask}"), True, (normalise(answer),))
        rows += [_row("told", number, said, ask, bare.answers) for said in _grown(told, bare, rng)]
    return rows


def _grown(told: str, bare: Question, rng: Random) -> list[str]:
    """What stands before the question, bare and at each length."""
    room = [length - len(bare.prompt.encode()) - 1 for length in LENGTHS]
    return [told, *(f"{told} {filler(length, rng, bare.answers)}".strip() for length in room)]


def _row(part: str, number: int, before: str, question: str, answers: tuple[str, ...]) -> Question:
    prompt = asked(f"{before} {question}".strip())
    size = len(prompt.encode())
    return Question(prompt, True, answers, part, f"{size} bytes" if size in LENGTHS else "bare", f"item {number}")


def _told(rng: Random) -> list[tuple[str, str, str]]:
    """What is told, what is asked, and the answer."""
    found: dict[str, tuple[str, str, str]] = {}
    facts: list[str] = written("wordings")["told"]["facts"]
    while len(found) < ITEMS:
        told, question, answer = _filled(facts[len(found) % len(facts)], rng).split(" | ")
        found.setdefault(told, (told, question, answer))
    return list(found.values())


def _filled(template: str, rng: Random) -> str:
    """A template in which the same brace is the same word each time."""
    for name in ("thing", "colour", "city", "day", "name"):
        template = template.replace(f"{{{name}}}", rng.choice(slots()[name]))
    return template
