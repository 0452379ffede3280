"""Learning to write: a fresh model, windows of plain text, every byte a target.

A text that fits into memory is read whole; a larger one is streamed, and each process of a group reads its own share.
"""

from typing import Any

import torch

from tilelli.base import ByteLM, build
from tilelli.checkpoint import weights_hash
from tilelli.config import Recipe
from tilelli.data.corpus import Corpus
from tilelli.data.documents import Documents
from tilelli.data.source import Source as Text
from tilelli.data.stream import StreamWindows
from tilelli.data.windows import Windows
from tilelli.errors import TrainingError
from tilelli.evaluation import evaluate
from tilelli.training.distributed import Group
from tilelli.training.loop import Task
from tilelli.training.step import Source


def pretraining(recipe: Recipe, corpus: Corpus, held_out: list[bytes], teacher: ByteLM | None = None) -> Task:
    """The task of learning `corpus` from nothing.

    Args:
        recipe: the model and how to train it.
        corpus: documents to train on; none of `held_out` may be among them.
        held_out: documents for evaluation; the first `eval_bytes` of them are used.
        teacher: a model that reads at least as far back, for a recipe with `distill`.

    Raises:
        DataError: the text is shorter than one window.
    """
    c = recipe.training
    rows = Windows(corpus.documents, recipe.model.context, c.batch_size, c.seed)
    return _task(recipe, rows, {"data": corpus.sha256}, described(corpus), held_out, teacher)


def streaming(
    recipe: Recipe,
    text: Text,
    limit: int | None,
    held_out: list[bytes],
    group: Group,
    teacher: ByteLM | None = None,
) -> Task:
    """The task of learning a text that is too large for memory, from nothing.

    Args:
        recipe: the model and how to train it.
        text: what to train on; its documents that the hash holds out are left out.
        limit: how many bytes of it to use, over and over; None for all.
        held_out: documents for evaluation; the first process of the group needs them.
        group: the processes that share the text.
        teacher: as for `pretraining`.
    """
    c = recipe.training
    documents = Documents(text, limit, group.rank, group.size)
    rows = StreamWindows(documents, recipe.model.context, c.batch_size // group.size, c.seed)
    facts = text.facts() | ({} if limit is None else {"bytes": limit})
    return _task(recipe, rows, {"data": facts | {"processes": group.size}}, facts, held_out, teacher)


def _task(
    recipe: Recipe,
    rows: Source,
    same: dict[str, Any],
    data: dict[str, Any],
    held_out: list[bytes],
    teacher: ByteLM | None,
) -> Task:
    c = recipe.training
    taught = {} if teacher is None else {"teacher": weights_hash(teacher)}
    torch.manual_seed(c.seed)
    model = build(recipe.model)
    if c.inherit:
        _inherit(model, teacher)
    sample = first_bytes(held_out, c.eval_bytes)

    def figures(model: ByteLM) -> dict[str, float]:
        return {"held_out_bpb": evaluate(model, sample).bits_per_byte}

    return Task(
        model=model,
        config=c,
        source=rows,
        same=same | taught,
        provenance={"data": data, **taught},
        evaluate=figures,
        bytes_a_step=c.batch_size * recipe.model.context,
        teacher=teacher,
    )


def _inherit(model: ByteLM, teacher: ByteLM | None) -> None:
    """Give a model its teacher's weights.

    Raises:
        TrainingError: there is no teacher, or it is of another shape.
    """
    own, given = (
        {name: tuple(value.shape) for name, value in (lm.state_dict() if lm else {}).items()} for lm in (model, teacher)
    )
    if teacher is None or own != given:
        seen = f"{len(own)} tensors here, {len(given)} there" if teacher else "no teacher"
        raise TrainingError("A model can inherit only from a teacher of its shape", seen, "Set `inherit: false`.")
    model.load_state_dict(teacher.state_dict())


def first_bytes(documents: list[bytes], limit: int) -> list[bytes]:
    """Documents from the first on, until there are `limit` bytes; the last may be cut."""
    chosen, total = [], 0
    for document in documents:
        if total >= limit:
            break
        chosen.append(document[: limit - total])
        total += len(chosen[-1])
    return chosen


def described(corpus: Corpus) -> dict[str, Any]:
    """What a model card needs to know of a corpus."""
    return {
        "source": corpus.source.rsplit("/", 1)[-1],
        "sha256": corpus.sha256,
        "documents": len(corpus.documents),
        "bytes": corpus.bytes,
    }
