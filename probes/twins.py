"""How do two models of one shape differ inside? Their routers and their attention on one text, and their weights.

Blocks, pathways and tensors of such twins stand for the same things, so they can be laid side by side. Heads do so only
if one was made from the other: two models trained apart have no common order of heads, and for each head the one that
is most like it is named too. What chance alone would give stands beside every share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from probes.alike import shuffled
from probes.attention import dense
from probes.routing import Routing, from_trace
from tilelli.errors import InputError

if TYPE_CHECKING:
    from probes.drift import Drift
    from tilelli.base import ByteLM
    from tilelli.config import ModelConfig
    from tilelli.trace import Trace

ALIKE = ("kind", "d_model", "n_blocks", "n_heads", "head_dim", "top_k", "kernel_size", "expand", "pathways")
MOST_BYTES = 256  # of a text are looked at: the beginning
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RoutingDifference:
    """How two models route one text. L blocks, T bytes.

    Attributes:
        one, other: what the routers of each did.
        shares: one row a block and pathway: `block`, `pathway`, its mean share in `one` and in `other`, `difference`.
        choices: one row a block: `block`, `elsewhere` (share of the bytes whose heaviest pathway is another), `chance`
            (that share if each chose its pathways as often as it does, but for any bytes) and
            `moved` (how much of the mix lies on other pathways, 0 to 1, mean over bytes).
        elsewhere: (L, T), true where the heaviest pathway is another.
    """

    one: Routing
    other: Routing
    shares: pd.DataFrame
    choices: pd.DataFrame
    elsewhere: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Twins:
    """All that differs inside two models of one shape.

    Attributes:
        routing: None if they have no routers.
        attention: one row a head, see `attention`; empty if they do not attend.
        weights: tensor by tensor, see `probes.drift`.
        findings: a sentence on each, in which the two are called A and `letter`.
    """

    routing: RoutingDifference | None
    attention: pd.DataFrame
    weights: "Drift"
    findings: tuple[str, ...]
    letter: str = "B"


def unlike(one: "ModelConfig", other: "ModelConfig") -> list[str]:
    """Settings that keep two models from being twins; none if they are of one shape."""
    return [setting for setting in ALIKE if getattr(one, setting) != getattr(other, setting)]


def between(
    one: "ByteLM", other: "ByteLM", text: bytes, interventions: tuple[str, str] = ("", ""), letter: str = "B"
) -> Twins:
    """Let two models of one shape read the beginning of a text, and compare.

    Raises:
        InputError: they are not of one shape, the text is empty, or an intervention finds nothing to change.
    """
    from probes.drift import drift
    from tilelli.interventions import parse
    from tilelli.trace import trace

    beginning = read_by_both(one.config, other.config, text)
    traces = [trace(m, list(beginning), parse(i)) for m, i in zip((one, other), interventions, strict=True)]
    return from_traces(traces, drift(one, other), letter)


def read_by_both(one: "ModelConfig", other: "ModelConfig", text: bytes) -> bytes:
    """The beginning of a text that both can read at once, at most `MOST_BYTES`.

    Raises:
        InputError: they are not of one shape.
    """
    if odd := unlike(one, other):
        seen = ", ".join(f"{name} {getattr(one, name)} and {getattr(other, name)}" for name in odd[:2])
        raise InputError("These are not of one shape", seen, "Compare models of one shape.")
    return text[: min(MOST_BYTES, one.context, other.context)]


def from_traces(traces: Sequence["Trace"], weights: "Drift", letter: str = "B") -> Twins:
    """The same from traces of one text, one a model, and the drift between the two."""
    one, other = traces
    routed = one.router_weights is not None and other.router_weights is not None
    routing = routing_difference(from_trace(one), from_trace(other)) if routed else None
    heads = attention(one, other)
    return Twins(routing, heads, weights, (*_findings(routing, heads, letter), *weights.findings), letter)


def routing_difference(one: Routing, other: Routing) -> RoutingDifference:
    """Two models' routing of the same bytes, in as many blocks."""
    assert one.weights.shape == other.weights.shape, "twins read the same bytes with as many blocks"
    names = list(one.pathways)
    shares = one.blocks[["block", *names]].melt("block", var_name="pathway", value_name="one")
    shares["other"] = other.blocks[names].melt()["value"]
    shares = shares.assign(difference=shares["other"] - shares["one"])
    shares = shares.sort_values("block", kind="stable", ignore_index=True)
    elsewhere = one.weights.argmax(axis=2) != other.weights.argmax(axis=2)  # (L, T)
    moved = np.abs(one.weights - other.weights).sum(axis=2) / 2
    columns = {"block": one.numbers, "elsewhere": elsewhere.mean(axis=1), "chance": _differing_by_chance(one, other)}
    choices = pd.DataFrame(columns | {"moved": moved.mean(axis=1)})
    return RoutingDifference(one, other, shares, choices, elsewhere)


def _differing_by_chance(one: Routing, other: Routing) -> Array:
    """(L,): the share of bytes whose heaviest pathways would differ, if each chose as often as it does but anywhere."""
    P = one.weights.shape[2]
    mine, theirs = (np.eye(P)[side.weights.argmax(axis=2)].mean(axis=1) for side in (one, other))  # (L, P)
    return 1 - (mine * theirs).sum(axis=1)  # type: ignore[no-any-return]


def attention(one: "Trace", other: "Trace") -> pd.DataFrame:
    """How much two models look at the same bytes, one row a head of the first.

    Columns: `block`, `head`; `kept`, share of the keys it keeps that the same head of the other keeps too, over the
    bytes that had more to choose from than places (NaN if none had); `chance`, what heads that choose at random would
    share; `most` and `most_head`, the same for the head of the other that shares most; `attention`, how much of the
    attention lies on the same keys, 0 to 1, from the second byte on (NaN if there is none); `attention_chance`, the
    same if the other spread its own over earlier bytes at random.
    """
    rows, T = [], one.kept_keys.shape[3]
    elsewhere = shuffled(np.arange(T), T)[None]  # (1, T, T)
    for block in range(len(one.kept_keys)):
        mine, theirs = _attention(one, block), _attention(other, block)
        kept, chance = _shared(mine, theirs, one.kept_keys.shape[-1])
        anywhere = np.take_along_axis(theirs, elsewhere, axis=2)
        both, by_chance = (np.minimum(mine, they).sum(axis=2)[:, 1:] for they in (theirs, anywhere))  # (H, T - 1)
        for head in range(len(mine)):
            known = not np.isnan(kept[head]).any()
            most = int(kept[head].argmax()) if known else -1
            row = [block + 1, head + 1, kept[head, head], chance]
            row += [kept[head, most] if known else np.nan, most + 1 if known else np.nan]
            attends = both.shape[1] > 0 and mine[head].any()
            rows.append([*row, *((both[head].mean(), by_chance[head].mean()) if attends else (np.nan, np.nan))])
    columns = ["block", "head", "kept", "chance", "most", "most_head", "attention", "attention_chance"]
    return pd.DataFrame(rows, columns=columns).astype({"block": int, "head": int})


def _attention(trace: "Trace", block: int) -> npt.NDArray[np.float32]:
    """(H, T, T) attention of every query on every key in one block of the first text."""
    T = trace.kept_keys.shape[3]
    return dense(trace.kept_keys[block, 0].numpy(), trace.kept_weights[block, 0].numpy(), T)


def _shared(mine: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], places: int) -> tuple[Array, float]:
    """(H, H) share of the keys that heads of one keep and heads of the other too, and what chance would give."""
    H, T, _ = mine.shape
    chosen = slice(places, T)  # before, every key is kept: there was no choice
    a, b = ((dense[:, chosen] > 0).astype(np.float32) for dense in (mine, theirs))
    if places >= T or not a.any():
        return np.full((H, H), np.nan), np.nan
    count = np.maximum(a.sum(axis=2), 1)  # (H, queries)
    shared = np.stack([[(a[h] * b[g]).sum(axis=1) / count[h] for g in range(H)] for h in range(H)])
    candidates = np.arange(places, T) + 1
    return shared.mean(axis=2, dtype=np.float64), float((b.sum(axis=2).mean(axis=0) / candidates).mean())


def _findings(routing: RoutingDifference | None, heads: pd.DataFrame, letter: str) -> list[str]:
    """What the tables say, in words; the first is called A and the other `letter`."""
    said = []
    if routing is not None:
        share, chance = (f"{100 * routing.choices[column].mean():.1f} %" for column in ("elsewhere", "chance"))
        lead = f"In {share} of all choices, over blocks and bytes,"
        said.append(f"{lead} {letter} leans most on another pathway than A; by chance it would be {chance}.")
    if heads["kept"].notna().any():
        kept, chance = (f"{100 * heads[column].mean():.0f} %" for column in ("kept", "chance"))
        said.append(f"Of the bytes a head of A keeps, the same head of {letter} keeps {kept}, by chance {chance}.")
    elif heads["attention"].notna().any():
        share, chance = (f"{100 * heads[column].mean():.0f} %" for column in ("attention", "attention_chance"))
        said.append(f"Head by head, {share} of the attention lies on the same bytes, by chance {chance}.")
    return said
