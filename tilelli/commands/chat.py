"""python -m tilelli chat: talk to a model, line by line.

Replies go to standard output, one line each; what is said about them goes to standard error. So a pipe works as well:
each line in is a message, each line out a reply, and the end of the input is the end of the conversation.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tilelli.commands.shared import add_checkpoint, add_engine, add_interventions, opened, use_threads

if TYPE_CHECKING:
    from tilelli.base import ByteLM
    from tilelli.chat import Turn
    from tilelli.drafts import Write
    from tilelli.generation import Sampling, Written
    from tilelli.interventions import Intervention

TEXT = "talk to a model, line by line; /new begins anew, /quit ends"
EXAMPLE = "--checkpoint tilelli/mini --seed 1 --gate off"
NEW, QUIT = "/new", "/quit"


def add(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser)
    add_interventions(parser)
    parser.add_argument("--seed", type=int, default=1, help="the same seed and messages give the same replies")
    parser.add_argument("--temperature", type=float, default=0.3, help="0 always takes the likeliest byte")
    parser.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest bytes that reach P")
    parser.add_argument("--max-new", type=int, default=100, help="bytes of a reply at most")
    usual = "decline from this abstain probability on, or `off`; as the checkpoint says if not given"
    parser.add_argument("--gate", type=_gate, default=None, help=usual)
    add_engine(parser)


def run(options: argparse.Namespace) -> None:
    from tilelli import chat
    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.errors import InputError
    from tilelli.generation import Sampling
    from tilelli.interventions import parse

    sampling = Sampling(options.max_new, options.temperature, top_p=options.top_p, seed=options.seed)
    use_threads(options.threads)
    model, changes = load(options.checkpoint, ByteLM), parse(options.intervene)
    if changes and options.engine in ("numba", "numpy"):
        seen = f"--engine {options.engine} with --intervene"
        raise InputError("Only torch intervenes in a conversation", seen, "Leave out one of the two.")
    speaker = None if changes or options.engine == "torch" else opened(options)
    gate = chat.threshold(model) if options.gate is None else None if options.gate == "off" else options.gate
    gate = gate if model.config.abstain else None
    if "tuning" not in model.provenance:
        _note(f"{options.checkpoint} was never taught to chat: expect it to ramble.")
    turns: list[chat.Turn] = []
    for message in _messages():
        if message == NEW:
            turns = []
            continue
        try:
            written = _replied(model, turns, message, sampling, gate, changes, speaker.stream if speaker else None)
        except InputError as error:
            _note(str(error))
            continue
        turns.append(chat.Turn(message, bytes(step.byte for step in written).decode("utf-8", "replace").strip()))
    if options.engine == "auto" and (speaker is None or speaker.engines):  # neither, where only the gate spoke
        _note(f"engine: {', then '.join(dict.fromkeys(name for name, _ in speaker.engines)) if speaker else 'torch'}")


def _replied(
    model: "ByteLM",
    turns: Sequence["Turn"],
    message: str,
    sampling: "Sampling",
    gate: float | None,
    changes: Sequence["Intervention"],
    write: "Write | None",
) -> list["Written"]:
    """Print a reply as it is written, then what is to be said about it."""
    from tilelli import chat
    from tilelli.tokenizer import IncrementalDecoder

    prompt = chat.prompt(turns, message, model.config.context, chat.room_for(sampling.max_new, model.config.context))
    decoder, written = IncrementalDecoder(), list["Written"]()
    for step in chat.reply(model, prompt.ids, sampling, gate, interventions=changes, write=write):
        text = _printable(decoder.push(step.byte))
        print(text if written else text.lstrip(), end="", flush=True)
        written.append(step)
    print(decoder.flush(), flush=True)
    forgotten = len(turns) - prompt.turns
    _note(" · ".join(filter(None, [_declined(written, gate), f"turns forgotten: {forgotten}" if forgotten else ""])))
    return written


def _declined(written: Sequence["Written"], gate: float | None) -> str:
    """What the abstain head said, and what declined, if anything did."""
    from tilelli import chat
    from tilelli.data.dialogues.replies import says_unknown

    abstain = written[0].abstain if written else None
    head = "" if abstain is None else f"abstain probability {abstain:.3f}"
    head += f", threshold {gate:g}" if head and gate is not None else ""
    if chat.is_declined(abstain, gate):
        return f"{head}: declined by the gate"
    if says_unknown(bytes(step.byte for step in written).decode("utf-8", "replace")):
        return ": ".join(filter(None, [head, "declined in words"]))
    return head


def _messages() -> Iterator[str]:
    """Lines of the standard input that say something, until it ends or says /quit."""
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    typed = sys.stdin.isatty()
    while True:
        if typed:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line or line.strip() == QUIT:
            return
        if line.strip():
            yield line.strip()


def _printable(text: str) -> str:
    """A model can write whatever moves a cursor or begins another line; here it is shown by a sign."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _note(text: str) -> None:
    """Say something about a reply: dim where a person reads it, and not on standard output."""
    if text:
        dim, plain = ("\x1b[2m", "\x1b[0m") if sys.stderr.isatty() and "NO_COLOR" not in os.environ else ("", "")
        print(f"{dim}{text}{plain}", file=sys.stderr, flush=True)


def _gate(text: str) -> float | str:
    """`off`, or a probability."""
    if text == "off":
        return text
    if not 0 <= (value := float(text)) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is no probability, and not `off`")
    return value
