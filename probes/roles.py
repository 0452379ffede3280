"""Does a head follow a rule? Each simple rule says which earlier bytes a head that follows it would look at.

A head's score for a rule is the share of its attention that falls to those bytes, less what chance would give them:
uniform attention over all bytes up to the one that looks, which is also what k keys drawn at random would get. For the
start of the text chance is not enough, as some single byte always gets most: there the score is measured against the
best other byte. What is resampled are the kinds of byte that look, every `e` of the text together: a head that likes to
look from `h` to `t` has not thereby understood anything about places. A rule is named only if its excess is above zero
after Holm over all heads and rules, and at least a tenth of the head's attention.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.metrics import holm
from probes.resampling import Floats, average, means

if TYPE_CHECKING:
    from tilelli.trace import Trace

Ints = NDArray[np.int64]
ROLES = {  # what a head does that follows the rule; the offset rule puts its numbers in
    "previous": "looks at the byte just before",
    "offset": "looks {d} bytes back, {back} before the byte to be guessed",
    "same": "looks at earlier occurrences of the byte it stands on",
    "induction": "looks at what followed the byte it stands on when that came before",
    "first": "looks at the first byte of the text",
}
SMALLEST = 0.1  # excess below which a rule is not worth a name, however certain
CERTAIN = 0.05  # of the whole family of heads and rules, after Holm


@dataclass(frozen=True, eq=False)
class Roles:
    """How far each head follows each rule; every array but `offset` is (R, L, H), in the order of `ROLES`.

    Attributes:
        share: mean share of the attention on the bytes that the rule names, over the bytes that have such.
        chance: the mean share that chance would give them.
        excess: the mean difference of the two.
        low, high: its 95 % interval, kinds of byte resampled; NaN with too few kinds.
        p: probability of such an excess by chance, after Holm over all heads and rules.
        offset: (L, H) how far back the offset rule says that a head looks: chosen on every other kind of byte, measured
            on the rest; 0 if the text is too short for any.
    """

    share: Floats
    chance: Floats
    excess: Floats
    low: Floats
    high: Floats
    p: Floats
    offset: Ints

    @property
    def named(self) -> NDArray[np.bool_]:
        """(R, L, H): which rules are said to be followed."""
        return (self.p < CERTAIN) & (self.excess >= SMALLEST)  # NaN is neither

    def table(self) -> pd.DataFrame:
        """One row a head and rule, `block` and `head` counted from 1; `offset` in bytes, for that rule alone."""
        rule, block, head = (index.ravel() for index in np.indices(self.share.shape))
        names = np.array(list(ROLES))
        frame = pd.DataFrame({"block": block + 1, "head": head + 1, "role": names[rule]})
        offsets = np.where(names[rule] == "offset", self.offset[block, head], 0)
        frame["offset"] = pd.array(offsets, dtype="Int64")
        frame.loc[offsets == 0, "offset"] = pd.NA
        for name in ("share", "chance", "excess", "low", "high", "p", "named"):
            frame[name] = getattr(self, name).ravel()
        return frame.sort_values(["block", "head"], kind="stable", ignore_index=True)

    @property
    def findings(self) -> tuple[str, ...]:
        """A sentence for every rule that is named, the clearest first."""
        found = self.table().query("named").sort_values("excess", ascending=False, kind="stable")
        return tuple(_sentence(row) for _, row in found.iterrows())


def roles(trace: "Trace") -> Roles:
    """How far each head of a trace follows each rule.

    Several texts of one trace share positions, which are not resampled: their intervals are somewhat too narrow.
    """
    keys, weights, ids = trace.kept_keys.numpy(), trace.kept_weights.numpy(), trace.ids.numpy()  # (L, B, H, T, K), ...
    L, H, n = keys.shape[0], keys.shape[2], ids.size
    read = [_block(keys[block], weights[block], ids) for block in range(L)]
    share, chance = (np.stack([part[i] for part in read], axis=1) for i in (0, 1))  # (R, L, H, n)
    found = means((share - chance).reshape(-1, n).T, ids.ravel())
    excess, low, high, p = (part.reshape(-1, L, H) for part in (found.value, found.low, found.high, found.p))
    tested = ~np.isnan(p)
    p[tested] = holm(p[tested].tolist())
    return Roles(average(share), average(chance), excess, low, high, p, np.stack([part[2] for part in read]))


def _block(keys: Ints, weights: NDArray[np.float32], ids: Ints) -> tuple[Floats, Floats, Ints]:
    """Shares and chances (R, H, B * T) in one block, NaN where a rule names no byte; and the offsets (H,).

    `keys` and `weights` are (B, H, T, K), `ids` is (B, T).
    """
    B, H, T, _ = keys.shape
    t = np.arange(T)
    distance, uniform, late, chooses = t[:, None] - keys, 1 / (t + 1), t >= T // 2, _every_other_kind(ids)
    offset = _offset(_profile(distance, weights, chooses), chooses)
    rival = _rival(_profile(keys, weights, np.broadcast_to(late, (B, T))))
    same, after = _recurring(ids)  # (B, T, T)

    def on(hit: NDArray[np.bool_]) -> Floats:  # (B, H, T, K) -> (B, H, T)
        return np.where(hit, weights, 0).sum(axis=-1, dtype=np.float64)  # type: ignore[no-any-return]

    def at(target: NDArray[np.bool_]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        number = target.sum(axis=-1)[:, None]  # (B, 1, T)
        return on(np.take_along_axis(target[:, None], keys, axis=-1)), number * uniform, number > 0

    back, other = offset[:, None, None], rival[:, None, None]  # (H, 1, 1)
    rules = (
        (on(distance == 1), uniform, t >= 1),
        (on(distance == back), uniform, ~chooses[:, None] & (t >= back[..., 0]) & (back[..., 0] > 0)),
        at(same),
        at(after),
        (on(keys == 0), on(keys == other), late & (other[..., 0] > 0)),
    )
    shape = (len(rules), B, H, T)
    share, chance = np.full(shape, np.nan), np.full(shape, np.nan)
    for number, (found, expected, asked) in enumerate(rules):
        share[number] = np.where(asked, found, np.nan)
        chance[number] = np.where(asked, expected, np.nan)
    flat = (len(rules), H, B * T)
    return share.swapaxes(1, 2).reshape(flat), chance.swapaxes(1, 2).reshape(flat), offset


def _recurring(ids: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(B, T, T) twice, query by key: earlier occurrences of the query's byte; and the bytes right after those."""
    T = ids.shape[1]
    past = np.tri(T, T, -1, dtype=bool)
    before = np.concatenate((np.full((len(ids), 1), -1), ids[:, :-1]), axis=1)  # the byte before each key
    return past & (ids[:, :, None] == ids[:, None]), past & (ids[:, :, None] == before[:, None])


def _every_other_kind(ids: Ints) -> NDArray[np.bool_]:
    """(B, T): True for the most frequent kind of byte, the third, the fifth ...: about half of all bytes."""
    _, kind, count = np.unique(ids, return_inverse=True, return_counts=True)
    rank = np.empty(len(count), dtype=int)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return (rank % 2 == 0)[kind].reshape(ids.shape)  # type: ignore[no-any-return]


def _profile(places: Ints, weights: NDArray[np.float32], asked: NDArray[np.bool_]) -> Floats:
    """(H, T): the attention of the queries `asked` (B, T) that falls to each of T places, summed over them."""
    H, T = places.shape[1:3]
    own = places + T * np.arange(H)[:, None, None]
    counted = (asked[:, None, :, None]) & (weights > 0)
    summed = np.bincount(own[counted], weights[counted], minlength=H * T)
    return summed.reshape(H, T).astype(np.float64)


def _offset(profile: Floats, asked: NDArray[np.bool_]) -> Ints:
    """(H,): the distance, from 2 to half the text, at which attention is furthest above chance; 0 if there is none."""
    H, T = profile.shape
    if T < 4:
        return np.zeros(H, dtype=np.int64)
    reaching = asked.sum(axis=0)[::-1].cumsum()[::-1]  # queries that have a byte so far back
    expected = (asked.sum(axis=0) / (np.arange(T) + 1))[::-1].cumsum()[::-1]
    excess = (profile - expected) / np.maximum(reaching, 1)
    return 2 + excess[:, 2 : T // 2 + 1].argmax(axis=1)  # type: ignore[no-any-return]


def _rival(profile: Floats) -> Ints:
    """(H,): the byte of the first half, but the very first, that gets most; 0 if there is none."""
    H, T = profile.shape
    return 1 + profile[:, 1 : T // 2].argmax(axis=1) if T >= 4 else np.zeros(H, dtype=np.int64)


def _sentence(row: "pd.Series[Any]") -> str:
    back = 0 if row["offset"] is pd.NA else int(row["offset"])
    does = ROLES[row["role"]].format(d=back, back=back + 1)
    share, chance, excess, low, high = (
        f"{100 * row[name]:.0f}" for name in ("share", "chance", "excess", "low", "high")
    )
    against = "the best other byte gets" if row["role"] == "first" else "chance gives"
    return (
        f"Block {row['block']}, head {row['head']} {does}: {share} % of its attention where {against} {chance} %, "
        f"{excess} points more (95 % interval {low} to {high})."
    )
