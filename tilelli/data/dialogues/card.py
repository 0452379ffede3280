"""The data card: what is in the corpus, how wordings are split, what was held out, what the base model may have read.

`meetings` counts in how many documents of a pretraining corpus the entity and an answer of each crux fact stand
together: a held-out fact may be known from there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from tilelli.data.dialogues.facts import Fact, facts
from tilelli.data.dialogues.leaks import Leaks
from tilelli.data.dialogues.rows import Dialogue, key


@dataclass(frozen=True)
class Meetings:
    """In how many of `documents` each fact's entity and answer meet, for held-out and for taught facts of the crux."""

    documents: int
    held: dict[str, int]
    taught: dict[str, int]

    def __str__(self) -> str:
        lines = [f"Entity and answer of a crux fact within one document, of {self.documents}:"]
        for name, counts in (("held out", self.held), ("taught", self.taught)):
            met = sum(count > 0 for count in counts.values())
            middle = median(counts.values()) if counts else 0
            lines.append(f"  {name:9} {met} of {len(counts)} facts meet at least once, median {middle:g} documents")
        return "\n".join(lines)


def meetings(dialogues: Iterable[Dialogue], documents: Iterable[bytes]) -> Meetings:
    """How often the facts of the crux bank `held-out-facts` are to be read in a pretraining corpus."""
    by_key = {key(fact): fact for fact in facts()}
    asked = {row.fact: row.answerable for row in dialogues if row.split == "held-out-facts"}
    crux: list[Fact] = [by_key[name] for name in asked]
    leaks, counts, read = Leaks(crux), Counter[str](), 0
    for document in documents:
        read += 1
        counts.update(key(fact) for fact in leaks.met(document.decode("utf-8", errors="replace")))
    by_side: dict[bool, dict[str, int]] = defaultdict(dict)
    for name, taught in asked.items():
        by_side[taught][name] = counts[name]
    return Meetings(read, held=by_side[False], taught=by_side[True])


def card(dialogues: Sequence[Dialogue]) -> str:
    """The card in Markdown."""
    by_split: dict[str, list[Dialogue]] = defaultdict(list)
    for row in dialogues:
        by_split[row.split].append(row)
    train = by_split["train"]
    parts = ["# Tilelli's dialogues", _splits(by_split), _categories(by_split), _kinds(by_split), _wordings(by_split)]
    parts += [_relations(train), _held(by_split)]
    return "\n\n".join(parts) + "\n"


def _splits(by_split: dict[str, list[Dialogue]]) -> str:
    lines = ["| split | dialogues | questions | bytes | unanswerable | several turns | distinct prompts |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for split, rows in by_split.items():
        size = sum(len(row.text.encode()) for row in rows)
        no = sum(not row.answerable for row in rows) / len(rows)
        long = sum(row.turns > 1 for row in rows) / len(rows)
        distinct = len({row.prompt for row in rows})
        turns = sum(row.turns for row in rows)
        lines.append(f"| {split} | {len(rows)} | {turns} | {size} | {no:.1%} | {long:.1%} | {distinct} |")
    return "\n".join(lines)


def _categories(by_split: dict[str, list[Dialogue]]) -> str:
    lines = ["| category | train | valid | test |", "|---|---:|---:|---:|"]
    counts = {
        split: Counter((row.category, row.answerable) for row in by_split[split])
        for split in ("train", "valid", "test")
    }
    for name, answerable in sorted(set().union(*counts.values()), key=lambda pair: (not pair[1], pair[0])):
        row = " | ".join(str(count[name, answerable]) for count in counts.values())
        lines.append(f"| {name}{'' if answerable else ' (no answer)'} | {row} |")
    return "\n".join(lines)


def _kinds(by_split: dict[str, list[Dialogue]]) -> str:
    lines = ["Kinds of unanswerable questions; none of the test is trained on:", ""]
    for split in ("train", "valid", "test"):
        kinds = sorted({row.kind for row in by_split[split] if not row.answerable and row.category != "premise"})
        short = sorted({kind.split(":")[0].removeprefix("sure.") for kind in kinds})
        lines.append(f"- {split} ({len(kinds)}): {', '.join(name for name in short if name.count('.') < 2)}")
    return "\n".join(lines)


def _wordings(by_split: dict[str, list[Dialogue]]) -> str:
    counts = ", ".join(
        f"{split} {len({row.wording for row in by_split[split]})}" for split in ("train", "valid", "test")
    )
    return f"Wordings are kept apart by split: {counts}; no test wording is in train."


def _relations(train: Sequence[Dialogue]) -> str:
    taught = {row.fact for row in train if row.category == "facts"}
    refused = {row.fact for row in train if row.category == "untaught"}
    lines = [
        f"Facts: {len(facts())} in the tables, {len(taught)} taught, {len(refused)} asked in training and refused."
    ]
    lines += ["", "| relation | facts | taught | refused |", "|---|---:|---:|---:|"]
    totals, shares = (
        Counter(fact.relation for fact in facts()),
        [Counter(name.split("|")[0] for name in side) for side in (taught, refused)],
    )
    lines += [f"| {name} | {total} | {shares[0][name]} | {shares[1][name]} |" for name, total in sorted(totals.items())]
    return "\n".join(lines)


def _held(by_split: dict[str, list[Dialogue]]) -> str:
    lines = ["Held out of every training dialogue (the entities are asked about otherwise):", ""]
    for split in ("valid-held-out-facts", "held-out-facts"):
        counts = Counter(row.kind for row in by_split[split] if not row.answerable)
        lines.append(
            f"- {split}: {sum(counts.values())} facts: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items()))
        )
    return "\n".join(lines)
