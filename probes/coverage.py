"""Which bytes, scripts and languages was a model taught, does it know its letters in capitals, and does it write UTF-8?

Bits per byte tell what a model knows of a text; a blind guess among 256 bytes costs 8. Scripts need one to four bytes a
character, so bits per character stand beside them: those compare what it costs to write the same in two languages.
Capitals are the same sentences with every ASCII letter turned round, byte for byte, so that only the letters differ.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.banks import Bank, Question
from probes.metrics import Measured
from probes.names import interval, measured, shares
from probes.resampling import means
from probes.result import Place, ProbeResult, provenance
from probes.routing import CLASSES, byte_class
from probes.scripts import Sentence, by, by_language, taught
from probes.stages import Bench, Floats
from probes.store.keeper import Keeper
from probes.texts import of_settings, pieces, told
from probes.verdict import Rule, Verdict, judge
from probes.wellformed import NOTHING, beginnings, valid, written
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.errors import InputError
from tilelli.training.pretraining import first_bytes

NAME = "coverage"
ALPHABET = float(np.log2(26))  # bits of a blind guess at a letter of known case
CAPITALS = Rule("capitals", "bits a letter, small less capital", "no worse by", 0.5)
ENDS = {
    "loses": "Capitals cost it more.",
    "tie": "Capitals cost it no more, to within half a bit a letter.",
    "under-powered": "That is too uncertain to say whether capitals cost it more.",
    "undefined": "There are no letters to compare.",
}
PIECE = 500  # bytes of plain text that are read at once
BLIND = "A blind guess among 26 letters costs {:.2f}: {} letters act as unknown."


def probe(
    model: ByteLM, name: str, bank: Bank | None, settings: Mapping[str, Any], seed: int, keeper: Keeper
) -> ProbeResult:
    """See `probes.registry`; the bank holds texts, those of `languages` unless it is another."""
    assert bank is not None, "coverage reads a bank"
    corpus = of_settings(settings)
    return run(model, name, bank, corpus, settings, seed, keeper)


def run(
    model: ByteLM,
    name: str,
    bank: Bank,
    corpus: Corpus | None,
    settings: Mapping[str, Any],
    seed: int,
    keeper: Keeper,
) -> ProbeResult:
    """Read the bank, read plain text as it is and in one case, and write.

    Args:
        model: is only read.
        name: what it is called.
        bank: each part a script, each category a language.
        corpus: plain text for byte classes and capitals; without one these are of the bank, capitals of its English.
        settings: those of the registry.
        seed: of what is written and of the resampling.
        keeper: keeps rows as they are made.

    Raises:
        InputError: there is nothing to read.
    """
    sentences = [Sentence(row.prompt.encode(), row.part, row.category) for row in bank.rows if row.prompt]
    if not sentences:
        raise InputError("There is nothing to read", f"the bank {bank.name} is empty", "Name one with rows in it.")
    kept = {**settings, "text": None, "plain": None if corpus is None else corpus.sha256}  # wherever it lies
    bench = Bench(NAME, model, bank, kept, seed, keeper)
    plain = english(bank.rows) if corpus is None else pieces(first_bytes(corpus.documents, settings["bytes"]), PIECE)
    bits = bench.read("sentences", [sentence.text for sentence in sentences])
    figures = by(sentences, bits, lambda sentence: sentence.script, seed)
    if corpus is None:
        figures |= classes([sentence.text for sentence in sentences], bits, seed)
    else:
        figures |= classes(plain, bench.read("plain", plain), seed)
    small, capital = (bench.read(case, [turn(own) for own in plain]) for case, turn in CASES.items())
    figures |= capitals(plain, small, capital, seed)
    starts = beginnings([sentence.text for sentence in sentences], settings["temperatures"], settings["written"], seed)
    wrote = bench.write("writing", [start for _, start in starts], settings["max_new"])
    figures |= valid(starts, wrote)
    verdicts, languages = judge((CAPITALS,), figures), by_language(sentences, bits, seed)
    known = provenance(weights_hash(model), bank, settings, seed)
    return ProbeResult(
        probe=NAME,
        checkpoint=name,
        rows=_rows(sentences, bits),
        figures=figures,
        verdicts=verdicts,
        notes=_notes(corpus, plain),
        provenance=known | {"texts": {} if corpus is None else {"plain": told(corpus)}},
        tables={
            "findings": pd.DataFrame({"finding": findings(figures, languages, verdicts)}),
            "languages": languages,
            "capitals": cased(plain, small, capital),
            "writing": written(starts, wrote),
        },
    )


CASES: dict[str, Callable[[bytes], bytes]] = {"small": bytes.lower, "capital": bytes.upper}
"""Of ASCII letters only, so that both have the same length."""


def english(rows: Sequence[Question]) -> list[bytes]:
    """The sentences of a bank in English, each once; of the bank `languages` they are the `kind` of its rows."""
    said = [row.kind if row.language and row.kind else row.question for row in rows]
    return [text.encode() for text in dict.fromkeys(said)]


def classes(texts: Sequence[bytes], bits: Sequence[Floats], seed: int) -> dict[Place, Measured]:
    """Bits per byte of each class of bytes that occurs; texts are resampled, `n` counts bytes."""
    group = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    kinds = np.array([byte_class(byte) for byte in b"".join(texts)])
    found = {name: _mean(np.concatenate(bits)[kinds == name], group[kinds == name], seed) for name in CLASSES}
    return {("byte class", name): figure for name, figure in found.items() if figure.n}


def capitals(
    texts: Sequence[bytes], small: Sequence[Floats], capital: Sequence[Floats], seed: int
) -> dict[Place, Measured]:
    """Bits a letter in small letters and in capitals, and the paired difference; texts are resampled."""
    group = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    letter = _letters(b"".join(texts))
    low, high = (np.concatenate([np.empty(0), *part])[letter] for part in (small, capital))
    columns = {"bits a letter, small": low, "bits a letter, capital": high, CAPITALS.figure: low - high}
    return {(CAPITALS.part, name): _mean(values, group[letter], seed) for name, values in columns.items()}


def cased(texts: Sequence[bytes], small: Sequence[Floats], capital: Sequence[Floats]) -> pd.DataFrame:
    """One row a text: `text`, its `letters`, and what they cost in each case, `bits_small` and `bits_capital`."""
    rows = []
    for text, low, high in zip(texts, small, capital, strict=True):
        letter = _letters(text)
        rows.append((text.decode("utf-8", errors="replace"), int(letter.sum()), low[letter].sum(), high[letter].sum()))
    return pd.DataFrame(rows, columns=["text", "letters", "bits_small", "bits_capital"])


def findings(figures: Mapping[Place, Measured], languages: pd.DataFrame, verdicts: Sequence[Verdict]) -> list[str]:
    """What was found, in sentences; the first is about the failure that users meet."""
    said = [_capitals(figures, verdicts), *taught(figures, languages)]
    name = f"valid UTF-8 {NOTHING}"
    sound = [f"{shares(found)} at {part}" for (part, own), found in figures.items() if own == name]
    return [*said, f"What it writes {NOTHING} is valid UTF-8 in {'; '.join(sound)}."]


def _capitals(figures: Mapping[Place, Measured], verdicts: Sequence[Verdict]) -> str:
    word = verdicts[0].word
    small, capital = (figures[CAPITALS.part, f"bits a letter, {case}"] for case in CASES)
    if small.value is None or capital.value is None:
        return ENDS["undefined"]
    gap = figures[CAPITALS.part, CAPITALS.figure]
    said = (
        f"A letter costs {interval(small)} bits in small letters and {interval(capital)} in capitals of the same text, "
        f"a difference of {measured(gap, 'bits')}. {ENDS[word]}"
    )
    if (capital.low or capital.value) >= ALPHABET:
        said += " " + BLIND.format(ALPHABET, "small and capital" if small.value >= ALPHABET else "capital")
    return said


def _letters(text: bytes) -> NDArray[np.bool_]:
    """(n,): which bytes are ASCII letters."""
    return np.array([chr(byte).isalpha() and byte < 128 for byte in text], dtype=bool)


def _mean(values: Floats, group: Any, seed: int) -> Measured:
    """The mean of (n,) values, whose groups are resampled."""
    if not len(values):
        return Measured(None, None, None, 0)
    found = means(values[:, None], group, seed)
    value, low, high = (None if np.isnan(end[0]) else float(end[0]) for end in (found.value, found.low, found.high))
    return Measured(value, low, high, len(values))


def _rows(sentences: Sequence[Sentence], bits: Sequence[Floats]) -> pd.DataFrame:
    """One row a sentence."""
    return pd.DataFrame(
        [
            {"part": s.script, "language": s.language, "text": s.text.decode("utf-8", errors="replace")}
            | {"bytes": len(s.text), "characters": s.characters, "bits": float(own.sum())}
            for s, own in zip(sentences, bits, strict=True)
        ]
    )


def _notes(corpus: Corpus | None, plain: Sequence[bytes]) -> tuple[str, ...]:
    """What the figures are of."""
    size = f"{len(plain)} texts of {sum(map(len, plain)):,} bytes"
    if corpus is None:
        return (
            f"Capitals were tried on the English of the bank, {size}, and classes of bytes on all of the bank; "
            "name a text of your own with --text.",
        )
    return (f"Capitals and classes of bytes were tried on {corpus.source}, {size}.",)
