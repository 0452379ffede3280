"""A conversation that may branch: turns that follow turns, of which one line is shown.

Whatever is asked anew stands beside what was there before: another seed, an edited message, a reply led on from another
byte. So nothing is lost, and one can switch between the variants of a turn together with all that follows each. Replies
are written by jobs. This module knows models and jobs; it knows nothing of screens.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.jobs import Job
from app.voices import Speaker, able, by
from tilelli.data.dialogues.replies import says_unknown
from tilelli.interventions import parse
from tilelli.tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from tilelli.base import ByteLM
    from tilelli.chat import Prompt
    from tilelli.generation import Sampling, Written

GATE, WORDS = "gate", "words"  # what can decline


@dataclass(frozen=True)
class Order:
    """How a reply is asked for.

    Attributes:
        checkpoint: name of the model.
        weights: SHA-256 of its weights.
        sampling: how bytes are drawn.
        gate: decline from this abstain probability on; None leaves it to the words.
        forced: bytes that the reply has to begin with.
        interventions: what is done to the router weights, as it is written.
        engine: what computes; what only torch can do, torch does whatever stands here.
    """

    checkpoint: str
    weights: str
    sampling: "Sampling"
    gate: float | None = None
    forced: tuple[int, ...] = ()
    interventions: str = ""
    engine: str = "torch"


@dataclass(eq=False)
class Turn:
    """One message and the reply to it.

    Attributes:
        number: counts the turns of a conversation, in the order in which they were asked for.
        before: the turn that this one follows.
        prompt: what the model read. room: bytes of the context that were kept free for the reply.
        alone: bytes of the prompt that the message takes without any earlier turn.
        context: bytes that the model reads at once.
        speaker: the engine that writes where torch need not; None where torch is to write all. job: writes the reply.
        after: the turns that follow, each a variant. shown: which of them.
    """

    number: int
    message: str
    order: Order
    before: "Turn | None"
    prompt: "Prompt"
    room: int
    alone: int
    context: int
    speaker: Speaker | None
    job: Job["Written"]
    after: list["Turn"] = field(default_factory=list)
    shown: int = 0

    @property
    def steps(self) -> list["Written"]:
        """The reply so far, byte by byte."""
        return self.job.items()

    @property
    def raw(self) -> bytes:
        return bytes(step.byte for step in self.steps)

    @property
    def reply(self) -> str:
        return self.raw.decode("utf-8", "replace").strip()

    @property
    def forgotten(self) -> int:
        """How many earlier turns the model did not see."""
        return len(line_to(self)) - 1 - self.prompt.turns

    @property
    def abstain(self) -> float | None:
        """What the abstain head said of the prompt; None without a head, or before the first byte."""
        steps = self.steps
        return steps[0].abstain if steps else None

    @property
    def declined(self) -> str | None:
        """What made this an abstention: the gate, the words, or nothing."""
        from tilelli.chat import is_declined

        if not self.order.forced and is_declined(self.abstain, self.order.gate):
            return GATE
        return WORDS if says_unknown(self.reply) else None

    @property
    def engine(self) -> str:
        """Which engine wrote it; words that it was given, by the gate or by who branches, torch reads."""
        given = self.order.forced or self.declined == GATE
        return "torch" if given or self.speaker is None else self.speaker.said()

    @property
    def memory(self) -> dict[str, int]:
        """Bytes of the context: earlier turns, this message, the reply, and what is free."""
        used, reply = len(self.prompt.ids), len(self.steps)
        free = max(0, self.context - used - reply)
        return {"earlier turns": used - self.alone, "your message": self.alone, "the reply": reply, "free": free}


@dataclass
class Conversation:
    """A tree of turns.

    Attributes:
        first: the variants of the first turn. shown: which of them.
        turns: how many were ever asked for.
    """

    first: list[Turn] = field(default_factory=list)
    shown: int = 0
    turns: int = 0

    @property
    def line(self) -> list[Turn]:
        """The turns that are shown, from the first to the last."""
        found: list[Turn] = []
        variants, shown = self.first, self.shown
        while variants:
            found.append(variants[shown])
            variants, shown = found[-1].after, found[-1].shown
        return found

    @property
    def last(self) -> Turn | None:
        return self.line[-1] if self.first else None

    def say(self, model: "ByteLM", order: Order, message: str) -> Turn:
        """Go on with a message; a reply that is still being written is stopped, and what there is of it stays."""
        self.stop()
        return self._ask(model, order, message, self.last)

    def edit(self, model: "ByteLM", order: Order, turn: Turn, message: str) -> Turn:
        """Another message in the place of a turn's; the turns after it stay with the one that was."""
        self.stop()
        return self._ask(model, order, message, turn.before)

    def again(self, model: "ByteLM", order: Order, turn: Turn) -> Turn:
        """The same message with a seed that no variant of the turn has had."""
        seed = 1 + max(variant.order.sampling.seed for variant in self.variants(turn))
        return self.edit(model, replace(order, sampling=replace(order.sampling, seed=seed)), turn, turn.message)

    def branch(self, model: "ByteLM", turn: Turn, place: int, byte: int) -> Turn:
        """The reply written anew as it was asked for, but with another byte at one place."""
        order = replace(turn.order, forced=(*turn.raw[:place], byte))
        return self.edit(model, order, turn, turn.message)

    def anyway(self, model: "ByteLM", turn: Turn) -> Turn:
        """The reply that the gate kept back."""
        return self.edit(model, replace(turn.order, gate=None), turn, turn.message)

    def variants(self, turn: Turn) -> list[Turn]:
        """All that stand in the place of a turn, itself among them."""
        return turn.before.after if turn.before else self.first

    def show(self, turn: Turn) -> None:
        """Let the line run through this turn."""
        owner = turn.before or self
        owner.shown = self.variants(turn).index(turn)

    def stop(self) -> None:
        """End the reply that is being written, if any; what there is of it stays."""
        for turn in self.all():
            if turn.job.running:
                turn.job.stop()
                turn.job.wait()

    def all(self) -> list[Turn]:
        """Every turn of every variant, each after the one that it follows."""
        found, waiting = list[Turn](), list(reversed(self.first))
        while waiting:
            found.append(waiting.pop())
            waiting.extend(reversed(found[-1].after))
        return found

    def as_text(self) -> str:
        """The line that is shown, as a chat model reads it."""
        said = [(" ".join(turn.message.split()), " ".join(turn.reply.split())) for turn in self.line]
        return "".join(f"USER: {message}\nTILELLI: {reply}\n" for message, reply in said)

    def as_json(self) -> str:
        """Every turn with all that it takes to get it again, and every byte with its figures."""
        line = {turn.number for turn in self.line}
        return json.dumps([_told(turn) | {"shown": turn.number in line} for turn in self.all()], indent=1)

    def _ask(self, model: "ByteLM", order: Order, message: str, before: Turn | None) -> Turn:
        from tilelli import chat

        context, said = model.config.context, message.encode("utf-8", "replace").decode()
        room = chat.room_for(order.sampling.max_new, context)
        earlier = [chat.Turn(turn.message, turn.reply) for turn in line_to(before)]
        prompt = chat.prompt(earlier, said, context, room)
        alone = len(chat.prompt([], said, context, room).ids)
        speaker = _speaker(order)
        job = Job(_writing(model, speaker, order, prompt.ids))
        self.turns += 1
        turn = Turn(self.turns, said, order, before, prompt, room, alone, context, speaker, job)
        self.variants(turn).append(turn)
        self.show(turn)
        return turn


def line_to(turn: Turn | None) -> list[Turn]:
    """A turn and all that it follows, the first one first."""
    found: list[Turn] = []
    while turn:
        found.append(turn)
        turn = turn.before
    return found[::-1]


def _speaker(order: Order) -> Speaker | None:
    engine = "torch" if order.interventions else able(order.engine, order.checkpoint, "")
    return None if engine == "torch" else by(engine, order.checkpoint)


def _writing(
    model: "ByteLM", speaker: Speaker | None, order: Order, ids: list[int]
) -> Callable[[Callable[[], bool]], Iterator["Written"]]:
    from tilelli import chat

    changes, write = parse(order.interventions), speaker.write if speaker else None
    return lambda stop: chat.reply(model, ids, order.sampling, order.gate, stop, order.forced, changes, write)


def _told(turn: Turn) -> dict[str, Any]:
    steps = turn.steps
    return {
        "turn": turn.number,
        "follows": turn.before.number if turn.before else None,
        "message": turn.message,
        "reply": turn.reply,
        "declined_by": turn.declined,
        "abstain_probability": turn.abstain,
        "stopped": turn.job.stopped,
        **asdict(turn.order),
        "written_by": turn.engine,
        "prompt": ByteTokenizer().decode(turn.prompt.ids[1:]),
        "turns_forgotten": turn.forgotten,
        "bytes_cut": turn.prompt.cut,
        "bytes": [step._asdict() | {"alternatives": list(step.alternatives)} for step in steps],
    }
