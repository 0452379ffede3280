"""Several checkpoints read one text together: is the mean of what they hold likely better than any of them?

The probabilities of all members are averaged byte by byte. What that saves over each member has an interval from pieces
of the text drawn again. It costs what all members cost; so accuracy stands against the parameters that are read for a
byte, from one member to all. And where members part, is the committee wrong? The best member is chosen on the text
that is read, which flatters it and not the committee.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.metrics import Measured, aurocs
from probes.nextbyte import Floats, bits, distributions
from probes.resampling import MOST_SEGMENTS, SEGMENT, means, paired, pieces
from probes.result import Place, ProbeResult, provenance
from probes.signals import entropy
from probes.texts import told
from probes.verdict import Rule, judge
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.data.corpus import Corpus
from tilelli.errors import InputError
from tilelli.training.pretraining import first_bytes

NAME, ALL, MISS = "committee", "committee", "failure"
SAVED, OWN = "bpb saved over the best member", "disagreement minus own doubt"
RULES = (Rule(ALL, SAVED, "clearly above", 0), Rule(MISS, OWN, "better by", 0.02))
"""Written down before anything was measured: it pays, and its disagreement knows more than its own distribution."""


@dataclass
class _Together:
    """The members that have read so far, of a text of T bytes.

    Attributes:
        mean: (T, 256) of their probabilities.
        entropies: (T,) the sum of their entropies, in bits.
        rows: one a size of the committee.
    """

    text: NDArray[np.uint8]
    seed: int
    mean: Floats = field(default_factory=lambda: np.zeros((0, 256)))
    entropies: Floats = field(default_factory=lambda: np.zeros(0))
    parameters: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def join(self, name: str, model: ByteLM, p: Floats) -> None:
        """One member more, which holds `p` (T, 256) likely."""
        size = len(self.rows) + 1
        self.mean = p if size == 1 else self.mean + (p - self.mean) / size
        self.entropies = entropy(p) + (self.entropies if size > 1 else 0)
        self.parameters += model.num_parameters()
        row = {"size": size, "joined": name, "parameters": self.parameters}
        for what, figure in _read(self.mean, self.text, self.seed).items():
            row |= {what: figure.value, f"{what}_low": figure.low, f"{what}_high": figure.high}
        self.rows.append(row)

    @property
    def parting(self) -> Floats:
        """(T,): how far the members part at each byte, in bits; see `probes.signals.parting`."""
        return np.maximum(entropy(self.mean) - self.entropies / len(self.rows), 0.0)


def run(
    members: Sequence[tuple[str, ByteLM]],
    corpus: Corpus,
    settings: Mapping[str, Any],
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ProbeResult:
    """Let two or more checkpoints, by name, read the first `bytes` of the settings of a text.

    Raises:
        InputError: there are not two, or the seed is below 0.
    """
    if len(members) < 2:
        raise InputError("One is no committee", f"{len(members)} checkpoint", "Name two or more with --checkpoint.")
    documents = first_bytes(corpus.documents, settings["bytes"])
    text = np.frombuffer(b"".join(documents), dtype=np.uint8)
    together, each, figures = _Together(text, seed), list[Floats](), dict[Place, Measured]()
    for number, (name, model) in enumerate(members):
        p = distributions(model, documents)
        together.join(name, model, p)
        each.append(bits(p, text))
        figures |= {(_called(number, name), what): found for what, found in _read(p, text, seed).items()}
        if progress:
            progress(number + 1, len(members))
    figures |= _saved(together, each, [name for name, _ in members]) | _failures(together)
    rows = _rows(together, each)
    known = provenance(weights_hash(members[0][1]), None, settings, seed) | {"text": told(corpus)}
    notes = _notes(len(text), [model for _, model in members])
    tables = {"sizes": pd.DataFrame(together.rows)}
    return ProbeResult(NAME, members[0][0], rows, figures, judge(RULES, figures), notes, known, tables)


def _read(p: Floats, text: NDArray[np.uint8], seed: int) -> dict[str, Measured]:
    """Bits per byte, and how often the likeliest byte came, of distributions (T, 256); pieces are drawn again."""
    values = np.stack((bits(p, text), (p.argmax(axis=1) == text).astype(float)), axis=1)
    found = means(values, _pieces(len(text)), seed)
    ends = np.stack((found.value, found.low, found.high), axis=1).tolist()
    return {what: _measured(own, len(text)) for what, own in zip(("bpb", "accuracy"), ends, strict=True)}


def _saved(together: _Together, each: Sequence[Floats], names: Sequence[str]) -> dict[Place, Measured]:
    """What the committee takes fewer bits for than each member, and than the best."""
    own = bits(together.mean, together.text)
    saved = [paired(own, other, together.seed).change for other in each]
    best = min(range(len(each)), key=lambda number: float(each[number].mean()))
    found = {(ALL, what): figure for what, figure in _read(together.mean, together.text, together.seed).items()}
    found |= {(ALL, f"bpb saved over {_called(n, name)}"): saved[n] for n, name in enumerate(names)}
    return found | {(ALL, SAVED): saved[best]}


def _failures(together: _Together) -> dict[Place, Measured]:
    """Does a signal stand higher where the byte that the committee holds likeliest does not come?"""
    mean, missed = together.mean, together.mean.argmax(axis=1) != together.text
    scores = {"disagreement": together.parting, "own doubt": 1 - mean.max(axis=1), "entropy": entropy(mean)}
    found = aurocs(scores, missed, together.seed, _pieces(len(missed)))
    figures = {(MISS, f"AUROC of {name}"): figure for name, figure in found.figures.items()}
    return figures | {(MISS, OWN): found.difference("disagreement", "own doubt")}


def _rows(together: _Together, each: Sequence[Floats]) -> pd.DataFrame:
    """One row a byte."""
    mean = together.mean
    rows = pd.DataFrame({"byte": together.text.astype(np.int64), "bits": bits(mean, together.text)})
    for number, own in enumerate(each, start=1):
        rows[f"bits of {number}"] = own
    return rows.assign(hit=mean.argmax(axis=1) == together.text, disagreement=together.parting)


def _called(number: int, name: str) -> str:
    return f"member {number + 1}, {name}"


def _pieces(T: int) -> NDArray[np.int64]:
    return pieces(T, max(SEGMENT, -(-T // MOST_SEGMENTS)))


def _measured(ends: Sequence[float], n: int) -> Measured:
    value, low, high = (None if np.isnan(end) else float(end) for end in ends)
    return Measured(value, low, high, n)


def _notes(T: int, models: Sequence[ByteLM]) -> tuple[str, ...]:
    said = [f"{T:,} bytes were read. The best member was chosen on them, which flatters it."]
    if len({weights_hash(model) for model in models}) < len(models):
        said.append("Some members are the same model: they cannot disagree.")
    if len({model.config.context for model in models}) > 1:
        said.append("Members have contexts of different lengths: some know more of what came before.")
    return tuple(said)
