"""Banks: the questions of a probe, the card that says how they were made, and the rule their answers are held to.

The bundled banks are functions of a seed and made when they are asked for; nothing is stored. A bank of one's own is a
JSONL file, one question a line. A bank is known by the SHA-256 of its rows. This module knows nothing of models.
"""

import difflib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from probes.verdict import Rule
from tilelli.data.dialogue import Dialogue, banks
from tilelli.data.dialogues.facts import normalise
from tilelli.errors import DataError, InputError

SEED = 0  # the bundled banks are those of a model that was taught from this seed
FIELDS = {field.name for field in fields(Dialogue)} | {"question"}
ABSTAIN_P, ADVANTAGE = "AUROC of abstain_p", "abstain_p minus the better surface"
HALLUCINATION, INABILITY, RIGHT = "hallucination", "false inability", "right, closed world"
TEXT, LOSS = "plain text", "bpb over the base's"


@dataclass(frozen=True)
class Bank:
    """Questions in parts.

    Attributes:
        name: as it was asked for.
        rows: a row's `split` is the part it belongs to.
        card: what it is, how many, how it was made.
        rules: what was decided before measuring; empty for a bank of one's own.
        seed: of the dialogues it comes from, whose training questions a surface baseline may learn; None for others.
    """

    name: str
    rows: tuple[Dialogue, ...]
    card: str
    rules: tuple[Rule, ...] = ()
    seed: int | None = None

    @cached_property
    def sha256(self) -> str:
        lines = (json.dumps(row.row(), sort_keys=True, ensure_ascii=False) + "\n" for row in self.rows)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def parts(self) -> dict[str, list[int]]:
        """Numbers of the rows of each part, in the order of the bank."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.split, []).append(number)
        return found


def bank(name: str) -> Bank:
    """A bundled bank, or the one in a JSONL file.

    Raises:
        InputError: there is neither a bundled bank nor a file of this name.
        DataError: the file cannot be read, or a line of it is not a row; the line is named.
    """
    if name in BUNDLED:
        return BUNDLED[name]()
    path = Path(name)
    if path.is_file():
        return _from_file(path)
    raise InputError("There is no such bank", name, f"Use {', '.join(BUNDLED)}, or a JSONL file.")


def sample(whole: Bank, per_part: int, seed: int) -> Bank:
    """At most `per_part` rows of each part, drawn with `seed` and left in their order."""
    random, kept = Random(seed), list[int]()
    for numbers in whole.parts.values():
        kept += random.sample(numbers, min(per_part, len(numbers)))
    rows, much = tuple(whole.rows[number] for number in sorted(kept)), f"at most {per_part} rows a part"
    return replace(whole, name=f"{whole.name}, {much}", rows=rows, card=f"{whole.card}\n{much}, drawn with seed {seed}")


def _dialogues(prefix: str) -> Bank:
    """The general split, then the two crux banks of the chat corpus."""
    made, general = banks(SEED), prefix.removesuffix("-") or "test"
    names = (general, f"{prefix}held-out-facts", f"{prefix}premises")
    rules = _rules(*names)
    counts = "\n".join(_counted(name, made[name]) for name in names)
    card = (
        f"Dialogues that no model taught from seed {SEED} has met, made by tilelli.data.dialogue:\n{counts}\n"
        "The first mixes everything. The second sets facts that training gave beside facts of the same kind and\n"
        "wording that it withheld, the third true premises beside false ones: there the wording tells nothing.\n"
        "Decided beforehand; the figure decides, its interval is shown:\n" + "\n".join(f"  {rule}" for rule in rules)
    )
    rows = tuple(row for name in names for row in made[name])
    return Bank(f"dialogue-{general}", rows, card, rules, SEED)


def _counted(name: str, rows: list[Dialogue]) -> str:
    no, distinct = sum(not row.answerable for row in rows), len({row.prompt for row in rows})
    return f"  {name}: {len(rows)} rows, {no} without an answer, {distinct} different prompts"


BUNDLED: dict[str, Callable[[], Bank]] = {
    "dialogue-test": lambda: _dialogues(""),
    "dialogue-valid": lambda: _dialogues("valid-"),
}


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


def _from_file(path: Path) -> Bank:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        cause = " ".join(str(error).split())[:120]
        raise DataError(f"{path.name} cannot be read", cause, "Give a JSONL file in UTF-8.") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                rows.append(_row(json.loads(line), path.stem))
            except (ValueError, RecursionError) as error:  # of json, or of what is told below
                seen = " ".join(str(error).split())[:160]
                remedy = 'A row is {"question": text, "answerable": true, "answers": [text, ...]}.'
                raise DataError(f"Line {number} of {path.name} is not a row", seen, remedy) from None
    if not rows:
        raise DataError("The bank is empty", path.name, "Write one row a line.")
    no = sum(not row.answerable for row in rows)
    return Bank(str(path), tuple(rows), f"{path.name}: {len(rows)} rows, {no} without an answer; no rule is attached.")


def _row(given: Any, part: str) -> Dialogue:
    """One line of a file as a dialogue.

    Raises:
        ValueError: it is not one; the message says why.
    """
    if not isinstance(given, dict):
        raise ValueError("it is no JSON object")
    for key in given:
        if key not in FIELDS:
            near = difflib.get_close_matches(key, FIELDS, n=1)
            raise ValueError(f"it has a field {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    answerable, answers, prompt = given.get("answerable"), given.get("answers", []), _prompt(given)
    if not isinstance(answerable, bool):
        raise ValueError("answerable must be true or false")
    if not isinstance(answers, list) or not all(isinstance(text, str) and normalise(text) for text in answers):
        raise ValueError("answers must be a list of texts with letters or digits")
    if answerable and not answers:
        raise ValueError("an answerable question needs answers")
    words = {key: given.get(key, default) for key, default in (("kind", ""), ("category", ""), ("split", part))}
    if not all(isinstance(word, str) for word in words.values()):
        raise ValueError("kind, category and split must be texts")
    said = tuple(normalise(text) for text in answers)
    return Dialogue(prompt, "", answerable, answers=said, turns=prompt.count("USER: "), wording="", **words)


def _prompt(given: dict[str, Any]) -> str:
    if ("prompt" in given) == ("question" in given):
        raise ValueError("it needs either a prompt or a question")
    text = given.get("prompt", given.get("question"))
    if not isinstance(text, str) or not text.strip():
        raise ValueError("the question must be a text")
    if "question" in given:
        return f"USER: {' '.join(text.split())}\nTILELLI:"
    if not (text.startswith("USER: ") and text.endswith("\nTILELLI:")):
        raise ValueError("a prompt begins with 'USER: ' and ends with a newline and 'TILELLI:'")
    return text
