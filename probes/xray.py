"""Why did one byte get the probability it got? All that led to it, for a single place in a text.

The byte was predicted where the one before it had been read: there stand the router's weights, the bytes that attention
kept, and the stream after each block, read out early through the final norm (see `tilelli.lens`, and its warning).
What an ablation would do is measured, not guessed: each pathway of each block is removed alone, for the whole text, as
`remove:sparse@2` would, and the same byte is predicted again. One byte is one byte: nothing here is a mean, so nothing
has an interval, and nothing holds for other bytes. The first byte of a text has nothing before it: the model is shown
texts without a mark in front, so it never predicted that one, and it is refused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.names import called, percent, signed
from tilelli.base import ByteLM
from tilelli.config import PATHWAYS
from tilelli.errors import InputError
from tilelli.interventions import Change, Intervention
from tilelli.lens import early
from tilelli.tokenizer import check_bytes
from tilelli.trace import Recorder

Floats = NDArray[np.float64]

HARDLY = 0.05  # bits: a change below this is called none
LIKELIEST = 8  # guesses shown


@dataclass(frozen=True)
class Removal:
    """What one pathway of one block (from 0) does for this byte: its figures when that pathway is removed.

    Attributes:
        probability: of the byte that came, without the pathway.
        change: in bits; above 0 where the byte would have been more of a surprise.
        guess: the likeliest byte without the pathway.
    """

    block: int
    pathway: str
    probability: float
    change: float
    guess: int


@dataclass(frozen=True)
class Xray:
    """One byte of a text. L blocks, H heads, K kept keys, P pathways.

    Attributes:
        place: its number in the text, from 0.
        byte: what came. read: the bytes that the model had read, which begin with byte number `first` of the text.
        bits: its surprise.
        lens: (L + 1, 256), what the stream before the first block and after each gives; the last is the model's own.
        router: (L, P), the weights used, in the order of `PATHWAYS`; None for a vanilla model.
        kept: (L, H, K) numbers of the kept bytes in the text, heaviest first. attention: (L, H, K), their shares;
            0 marks a place that no byte fills.
        removals: one a block and pathway; empty for a vanilla model.
    """

    place: int
    byte: int
    first: int
    read: list[int]
    bits: float
    lens: Floats
    router: Floats | None
    kept: NDArray[np.int64]
    attention: Floats
    removals: list[Removal]

    @property
    def probabilities(self) -> Floats:
        """(256,): what the model held likely."""
        return np.asarray(self.lens[-1])

    @property
    def probability(self) -> float:
        return float(self.probabilities[self.byte])

    @property
    def rank(self) -> int:
        """1 if no other byte was likelier."""
        return 1 + int((self.probabilities > self.probability).sum())

    @property
    def guesses(self) -> list[int]:
        """(L + 1): the likeliest byte before the first block and after each."""
        return [int(byte) for byte in self.lens.argmax(axis=-1)]

    @property
    def strongest(self) -> Removal | None:
        """The removal that changes the most."""
        return max(self.removals, key=lambda removal: abs(removal.change), default=None)

    @property
    def findings(self) -> list[str]:
        """In words: what the byte got, what that hangs on most, and after which block it was in front."""
        said = [f"The model gave {called(self.byte)} {percent(self.probability)} (rank {self.rank})."]
        if self.rank > 1:
            guess = self.guesses[-1]
            said[0] = said[0][:-2] + f"; first was {called(guess)} with {percent(self.probabilities[guess])})."
        if removal := self.strongest:
            said.append(_said_of(removal))
        return [*said, self._said_of_lens()]

    def _said_of_lens(self) -> str:
        in_front = [block for block, guess in enumerate(self.guesses) if guess == self.byte]
        if self.guesses[-1] != self.byte:
            where = f"It was in front {_after(in_front[-1])}, and then overtaken" if in_front else "It never led"
            return f"Read out early: {where[0].lower()}{where[1:]}."
        since = 1 + max((block for block, guess in enumerate(self.guesses) if guess != self.byte), default=-1)
        if since < len(self.guesses) - 1:
            return f"Read out early: it is in front {_after(since)} and stays there."
        before = (
            ", and not before" if in_front == [since] else f"; it was {_after(in_front[-2])} too, and then overtaken"
        )
        return f"Read out early: it is in front {_after(since)}, the last{before}."

    def alternatives(self, most: int = LIKELIEST) -> pd.DataFrame:
        """One row a guess, likeliest first, and the byte that came wherever it stands."""
        order = np.argsort(-self.probabilities, kind="stable")
        rows = [(rank, int(byte)) for rank, byte in enumerate(order, start=1) if rank <= most or byte == self.byte]
        return pd.DataFrame(
            {
                "rank": [rank for rank, _ in rows],
                "byte": [byte for _, byte in rows],
                "called": [called(byte) for _, byte in rows],
                "probability": [float(self.probabilities[byte]) for _, byte in rows],
                "came": [byte == self.byte for _, byte in rows],
            }
        )

    def stages(self) -> pd.DataFrame:
        """One row before the first block and one after each: this byte's probability, and what was in front."""
        blocks = range(len(self.lens))
        return pd.DataFrame(
            {
                "after_block": list(blocks),
                "probability": self.lens[:, self.byte],
                "guess": self.guesses,
                "called": [called(guess) for guess in self.guesses],
                "guess_probability": self.lens.max(axis=-1),
            }
        )

    def pathways(self) -> pd.DataFrame:
        """One row a block: the router's weights where the byte was predicted; without rows for a vanilla model."""
        router = np.zeros((0, len(PATHWAYS))) if self.router is None else self.router
        shares = {name: router[:, number] for number, name in enumerate(PATHWAYS)}
        return pd.DataFrame({"block": np.arange(1, len(router) + 1), **shares})

    def heads(self, most: int = 3) -> pd.DataFrame:
        """One row a kept byte, at most `most` a head, heaviest first; blocks and heads count from 1."""
        rows = [
            (block + 1, head + 1, int(self.kept[block, head, k]), float(self.attention[block, head, k]))
            for block, head, k in np.argwhere(self.attention[:, :, :most] > 0)
        ]
        table = pd.DataFrame(rows, columns=["block", "head", "place", "attention"])
        ids = [self.read[place - self.first] for place in table["place"]]
        back = self.place - table["place"]
        return table.assign(byte=ids, called=[called(byte) for byte in ids], back=back)

    def ablations(self) -> pd.DataFrame:
        """One row a block (from 1) and pathway: what its removal does to this byte."""
        columns = ["block", "pathway", "probability", "change", "guess"]
        rows = [vars(removal) | {"block": removal.block + 1} for removal in self.removals]
        return pd.DataFrame(rows, columns=columns)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All of it, one table a question."""
        about = {"place": self.place, "byte": self.byte, "called": called(self.byte), "read_from": self.first}
        figures = {"probability": self.probability, "rank": self.rank, "bits": self.bits}
        return {
            "byte": pd.DataFrame([about | figures]),
            "alternatives": self.alternatives(),
            "lens": self.stages(),
            "pathways": self.pathways(),
            "kept": self.heads(),
            "ablations": self.ablations(),
        }


def xray(model: ByteLM, ids: Sequence[int], place: int, interventions: Sequence[Change] = ()) -> Xray:
    """Byte number `place` of a text, as predicted from the bytes before it: the last `context` of them, if there are
    more.

    Raises:
        InputError: there is no such byte, it is the first, an id is not a byte, or an intervention finds nothing to
            change.
    """
    text = check_bytes(ids)
    if not 1 <= place < len(text):
        seen = f"byte {place} of {len(text)}, counted from 0"
        raise InputError("There is no byte here that was predicted", seen, "Choose from byte 1 to the last one.")
    first = max(0, place - model.config.context)
    read, byte = text[first:place], text[place]
    seen_by = Recorder(stream=True)
    with torch.no_grad():
        logits, _ = model(torch.tensor([read]), trace=seen_by, interventions=interventions)
        stream = torch.stack(seen_by.residuals)[:, 0, -1]  # (L + 1, d_model)
        guesses = early(model, stream).double()
    kept, attention = _heaviest(seen_by.kept)
    return Xray(
        place=place,
        byte=byte,
        first=first,
        read=read,
        bits=float(_bits(logits[0, -1], byte)),
        lens=guesses.cpu().numpy(),
        router=torch.stack(seen_by.router)[:, 0, -1].double().cpu().numpy() if seen_by.router else None,
        kept=kept + first,
        attention=attention,
        removals=removals(model, read, byte, interventions) if model.config.kind == "routed" else [],
    )


@torch.no_grad()
def removals(model: ByteLM, read: Sequence[int], byte: int, interventions: Sequence[Change] = ()) -> list[Removal]:
    """The byte after `read` predicted anew, once for each pathway of each block without it.

    Without some pathway a text is the same text up to that block, so it is read on from there, and about half the work
    is saved.
    """
    logits, taken, L = list[Tensor](), list[tuple[int, str]](), model.config.n_blocks
    x = model.embed(torch.tensor([list(read)]))  # (1, T, d_model)
    for block in range(L):
        for pathway in model.config.pathways:
            removal = Intervention("remove", (pathway,), (), (block, block))
            after = model.through(x, block, L, (*interventions, removal))
            logits.append(model.read_out(model.norm(after[0, -1])))
            taken.append((block, pathway))
        x = model.through(x, block, block + 1, interventions)
    plain = float(_bits(model.read_out(model.norm(x[0, -1])), byte))
    found = [(float(_bits(own, byte)), int(own.argmax())) for own in logits]
    return [Removal(*what, 2**-bits, bits - plain, guess) for what, (bits, guess) in zip(taken, found, strict=True)]


def _bits(logits: Tensor, byte: int) -> Tensor:
    """(..., 256) -> (...): surprise at one byte."""
    return -logits.double().log_softmax(dim=-1)[..., byte] / math.log(2)


def _heaviest(kept: list[tuple[Tensor, Tensor]]) -> tuple[NDArray[np.int64], Floats]:
    """Positions and shares of what the last byte read kept, (L, H, K) each, heaviest first."""
    keys = torch.stack([index[0, :, -1] for index, _ in kept]).cpu()
    shares = torch.stack([weights[0, :, -1] for _, weights in kept]).double().cpu()
    order = shares.argsort(dim=-1, descending=True, stable=True)
    return keys.gather(-1, order).numpy(), shares.gather(-1, order).numpy()


def _said_of(removal: Removal) -> str:
    if abs(removal.change) < HARDLY:
        return f"No pathway is needed for it: removing any one in any block changes less than {HARDLY} bits."
    return (
        f"Without {removal.pathway} in block {removal.block + 1} it would have been {percent(removal.probability)} "
        f"({signed(removal.change, 2)} bits); no other removal changes as much."
    )


def _after(block: int) -> str:
    return "before the first block" if block == 0 else f"after block {block}"
