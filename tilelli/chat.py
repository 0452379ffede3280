"""A conversation as bytes: how turns become a prompt, and a prompt becomes a reply.

    USER: question
    TILELLI: reply

A chat model has read many such texts, each from its beginning, and writes what stands after `TILELLI: `. It can decline
in two ways: in words, like any reply, or by its gate (`gate.py`): it says how likely it is that the right reply is to
abstain, and from a threshold on a fixed sentence is given in its place. This module knows nothing of screens, nor of
what the model was taught.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import torch

from tilelli.base import ByteLM
from tilelli.drafts import END_OF_REPLY, Write, drafted, drafts
from tilelli.errors import InputError
from tilelli.gate import DRAFT, Gate
from tilelli.generation import Sampling, Written, stream
from tilelli.interventions import Change
from tilelli.tokenizer import END_OF_DOCUMENT, ByteTokenizer
from tilelli.trace import Recorder

USER, MODEL = "USER: ", "TILELLI: "
DECLINED = "I don't know."  # what the gate says
ROOM = 80  # bytes of the context kept free for the reply
THRESHOLD = 0.5  # of a model that does not say its own


@dataclass(frozen=True)
class Turn:
    """What the user said, and what was replied."""

    user: str
    reply: str


@dataclass(frozen=True)
class Prompt:
    """What the model is going to read.

    Attributes:
        ids: the bytes, with the mark that begins a document.
        turns: how many of the earlier turns are still in it; the oldest are forgotten first.
        cut: bytes at the beginning of the last message that did not fit.
    """

    ids: list[int]
    turns: int
    cut: int


def prompt(turns: Sequence[Turn], message: str, context: int, room: int = ROOM) -> Prompt:
    """The prompt for a message after some turns, with `room` bytes of the context left for the reply.

    Raises:
        InputError: the message says nothing, or the context leaves no room for one.
    """
    said = _one_line(message)
    if not said:
        raise InputError("There is no message to reply to", repr(message[:20]), "Write something.")
    longest = context - room - 1
    frame = len(f"{USER}\n{MODEL}")
    if longest <= frame:
        raise InputError("The context is too short to chat in", f"{context} bytes", "Choose a model with a longer one.")
    raw = said.encode("utf-8", "replace")
    fitting = raw[max(0, len(raw) - (longest - frame)) :].decode("utf-8", "ignore")  # its end, in whole characters
    text = f"{USER}{fitting}\n{MODEL}"
    kept = 0
    for turn in reversed(turns):
        longer = f"{USER}{_one_line(turn.user)}\n{MODEL}{_one_line(turn.reply)}\n{text}"
        if len(longer.encode("utf-8", "replace")) > longest:
            break
        text, kept = longer, kept + 1
    return Prompt([END_OF_DOCUMENT, *ByteTokenizer().encode(text)], kept, len(raw) - len(fitting.encode()))


def room_for(max_new: int, context: int) -> int:
    """Bytes to keep free for a reply of at most `max_new`: `ROOM`, unless it needs less or the context is short.

    A longer reply is rare; the window then slides, as in any text.
    """
    return min(max_new, ROOM, context // 2)


def encode(text: str) -> list[int]:
    """A prompt that is already written out, as a bank has it: `USER: ...\\nTILELLI:`, and the space before the reply.

    The space belongs to the prompt, so that the head reads where the first byte of the reply is decided.
    """
    return [END_OF_DOCUMENT, *ByteTokenizer().encode(f"{text} ")]


@torch.no_grad()
def abstain_probability(
    model: ByteLM, ids: Sequence[int], interventions: Sequence[Change] = (), write: Write | None = None
) -> float | None:
    """How likely it is that the right reply to a prompt is to abstain; None if the model has no abstain head.

    `write` is as in `reply`: it writes the draft, if one is needed.
    """
    gate = Gate.of(model.provenance)
    if gate.drafts:
        if write is None or interventions:
            (draft,) = drafts(model, [ids], DRAFT, interventions)
        else:
            draft = drafted(model, ids, DRAFT, write)
        return draft.abstain(gate)
    seen = Recorder(attention=False)
    model(torch.tensor([list(ids)[-model.config.context :]]), trace=seen, interventions=interventions)
    return None if seen.abstain is None else gate.probability(float(seen.abstain[0, -1]))


def threshold(model: ByteLM) -> float:
    """From which probability on the gate declines: what the checkpoint says was chosen, or one half."""
    figures = model.provenance.get("figures")
    chosen = figures.get("threshold") if isinstance(figures, dict) else None
    return float(chosen) if isinstance(chosen, int | float) else THRESHOLD


def reply(
    model: ByteLM,
    ids: Sequence[int],
    sampling: Sampling | None = None,
    gate: float | None = None,
    should_stop: Callable[[], bool] | None = None,
    forced: Sequence[int] = (),
    interventions: Sequence[Change] = (),
    write: Write | None = None,
) -> Iterator[Written]:
    """The reply to a prompt, byte by byte; it ends before the end of the line.

    The first byte bears the abstain probability that the gate goes by, the others what the head reads there.

    Args:
        model: a chat model; it is only read.
        ids: what `prompt` or `encode` gave.
        sampling: how bytes are chosen; `stop` is set here.
        gate: decline when the abstain probability is at least this; None leaves it to the words.
        should_stop: asked before each byte; true ends the reply.
        forced: how the reply begins, to go on from another byte than the one that was written.
        interventions: what is done to the router weights, for the gate too.
        write: another engine, which writes in place of `model` where nothing is forced and nothing intervenes.
    """
    s = replace(sampling or Sampling(), stop=(END_OF_REPLY,))
    drafted = Gate.of(model.provenance).drafts
    asked = drafted or (gate is not None and not forced)
    abstain = abstain_probability(model, ids, interventions, write) if asked else None
    if not forced and is_declined(abstain, gate):
        forced = ByteTokenizer().encode(DECLINED)
        s = replace(s, max_new=len(forced))
    if write is None or forced or interventions:
        steps = stream(model, ids, s, should_stop, forced, interventions)
    else:
        steps = takewhile(lambda _: should_stop is None or not should_stop(), write(ids, s))
    return _led_by(abstain, steps) if drafted else steps


def _led_by(abstain: float | None, steps: Iterator[Written]) -> Iterator[Written]:
    for number, step in enumerate(steps):
        yield step._replace(abstain=abstain) if number == 0 else step


def is_declined(abstain: float | None, gate: float | None) -> bool:
    """Whether the gate keeps a reply back."""
    return abstain is not None and gate is not None and abstain >= gate


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())
