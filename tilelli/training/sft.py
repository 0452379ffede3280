"""Learning to chat: a trained model, dialogues of which only the reply counts, and a head that says when to abstain.

The head is trained together with the words, on the same rows: a logistic unit on the last state of the prompt and on
how unsure the model is of the first byte of its reply; its target is whether the reply declines. Its gradient reaches
the blocks, so that whether something is known is worked out where the head can read it; plain text among the dialogues,
and the base's predictions of it, keep the model's writing as it was. What the head is worth beside the model's own
surprise at its reply is fitted on validation questions at each evaluation (`gate.py`).
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from tilelli.base import ByteLM, build
from tilelli.chat import encode
from tilelli.checkpoint import weights_hash
from tilelli.config import Recipe, TuningConfig
from tilelli.data.chats import Chats, Mixed, Row, of_dialogues
from tilelli.data.corpus import Corpus
from tilelli.data.dialogue import Dialogue, banks, generate
from tilelli.data.dialogues.split import plan
from tilelli.data.windows import Windows
from tilelli.drafts import drafts
from tilelli.evaluation import evaluate
from tilelli.gate import DRAFT, fit
from tilelli.trace import Recorder
from tilelli.training.loop import Task
from tilelli.training.pretraining import described, first_bytes

OPENING = "USER: Who are you?\nTILELLI: "
JUDGED = ("valid", "valid-held-out-facts", "valid-premises")  # banks read while training; `test` and its like never


def tuning(recipe: Recipe, base: ByteLM, name: str, corpus: Corpus, held_out: list[bytes]) -> Task:
    """The task of teaching `base` to chat.

    Args:
        recipe: its `training` and `tuning` sections; the model is the base's, with an abstain head.
        base: the model to begin with; it is left as it is.
        name: what the base is called, for the provenance.
        corpus: plain text to keep it writing.
        held_out: plain text on which its writing is judged.

    Raises:
        DataError: the text is shorter than one window, or too few dialogues fit into the context.
    """
    c, t = recipe.training, recipe.tuning or TuningConfig()
    torch.manual_seed(c.seed)
    ternary = () if t.floats else base.config.ternary
    model = build(dataclasses.replace(base.config, abstain=True, ternary=ternary))
    model.load_state_dict(base.state_dict(), strict=False)  # all but the head, unless the base has one
    dialogues = [row for row in generate(t.data_seed, t.pairs) if row.split == "train"]
    judged = {split: rows for split, rows in banks(t.data_seed).items() if split in JUDGED}
    context = model.config.context
    chats = Chats(dialogues, context, c.batch_size, c.seed)
    rehearsed = max(1, round(c.batch_size * chats.mean_bytes / context))  # windows: as much text as a batch of chats
    rehearsed += -rehearsed % c.accumulate
    sample = first_bytes(held_out, c.eval_bytes)

    def figures(model: ByteLM) -> dict[str, float]:
        return {"held_out_bpb": evaluate(model, sample).bits_per_byte, **judge(model, judged)}

    return Task(
        model=model,
        config=c,
        source=Mixed(chats, Windows(corpus.documents, context, rehearsed, c.seed), t.rehearsal),
        same={"data": corpus.sha256, "tuning": t.to_dict(), "base": weights_hash(base)},
        provenance={
            "data": described(corpus),
            "tuning": t.to_dict() | {"dialogues": len(dialogues), "plan": plan(t.data_seed).sha256},
            "base": {"name": name, "weights": weights_hash(base), "bytes_seen": base.provenance.get("bytes_seen")},
        },
        evaluate=figures,
        bytes_a_step=round(c.batch_size * chats.mean_bytes),
        opening=OPENING,
        teacher=base if c.distill else None,
    )


def judge(model: ByteLM, judged: dict[str, list[Dialogue]]) -> dict[str, float]:
    """Bits per byte of the replies, the gate, how well it and the head alone tell what to decline, and its threshold.

    The gate's four weights are fitted on the rows that its AUROC is told of here: to be believed, read it on others.
    """
    figures, logits = {}, {}
    for split, rows in judged.items():
        figures[f"{split}_bpb"], logits[split] = read_replies(model, rows)
    everything = [row for rows in judged.values() for row in rows]
    drafted = drafts(model, [encode(row.prompt) for row in everything], DRAFT)
    bits, words = [draft.answer_bits for draft in drafted], [draft.declines for draft in drafted]
    declines, heads = np.array([not row.answerable for row in everything]), np.concatenate([*logits.values()])
    gate = fit(heads, bits, words, declines)
    p = np.array([gate.probability(*each) for each in zip(heads, bits, words, strict=True)])
    splits = np.repeat([*judged], [len(rows) for rows in judged.values()])
    for split in judged:
        yes, no = declines & (splits == split), ~declines & (splits == split)
        figures |= {f"{split}_auroc": auroc(p[yes], p[no]), f"{split}_head_auroc": auroc(heads[yes], heads[no])}
    return figures | gate.figures() | {"threshold": balanced_threshold(p[declines], p[~declines])}


@torch.no_grad()
def read_replies(model: ByteLM, rows: Sequence[Dialogue], batch_size: int = 64) -> tuple[float, NDArray[np.float64]]:
    """Bits per byte of the replies, and the abstain head's logit at the end of each prompt, (rows,)."""
    order = sorted(range(len(rows)), key=lambda number: len(rows[number].text))
    head, nats, count = np.zeros(len(rows)), 0.0, 0
    device = model.device
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        batch = of_dialogues([Row(rows[n].prompt, rows[n].reply, not rows[n].answerable) for n in chosen])
        batch, seen = batch.share(0, 1, device), Recorder(attention=False)
        logits, _ = model(batch.ids[:, :-1], trace=seen)
        losses = F.cross_entropy(logits.flatten(0, 1), batch.ids[:, 1:].flatten(), reduction="none")
        nats += float((losses.view_as(batch.counted) * batch.counted).sum())
        count += int(batch.counted.sum())
        if seen.abstain is not None:
            head[chosen] = seen.abstain[batch.abstain.isfinite()].double().cpu().numpy()
    return nats / count / math.log(2), head


def auroc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Probability that one of `positive` is above one of `negative`, ties half; NaN where one is empty."""
    if not (len(positive) and len(negative)):
        return math.nan
    above = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    return float(above)


def balanced_threshold(declines: NDArray[np.float64], answers: NDArray[np.float64]) -> float:
    """The head's value from which on as large a share of `answers` is declined as of `declines` is let through."""
    values = np.unique(np.concatenate((declines, answers)))
    missed = np.searchsorted(np.sort(declines), values) / len(declines)
    refused = 1 - np.searchsorted(np.sort(answers), values) / len(answers)
    return float(values[np.abs(missed - refused).argmin()])
