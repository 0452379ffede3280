"""Learning to write: a fresh model, windows of plain text, every byte a target."""

from typing import Any

import torch

from tilelli.base import ByteLM, build
from tilelli.config import Recipe
from tilelli.data.corpus import Corpus
from tilelli.data.windows import Windows
from tilelli.evaluation import evaluate
from tilelli.training.loop import Task


def pretraining(recipe: Recipe, corpus: Corpus, held_out: list[bytes]) -> Task:
    """The task of learning `corpus` from nothing.

    Args:
        recipe: the model and how to train it.
        corpus: documents to train on; none of `held_out` may be among them.
        held_out: documents for evaluation; the first `eval_bytes` of them are used.

    Raises:
        DataError: the text is shorter than one window.
    """
    c = recipe.training
    torch.manual_seed(c.seed)
    model = build(recipe.model)
    sample = first_bytes(held_out, c.eval_bytes)

    def figures(model: ByteLM) -> dict[str, float]:
        return {"held_out_bpb": evaluate(model, sample).bits_per_byte}

    return Task(
        model=model,
        config=c,
        source=Windows(corpus.documents, recipe.model.context, c.batch_size, c.seed),
        same={"data": corpus.sha256},
        provenance={"data": described(corpus)},
        evaluate=figures,
        bytes_a_step=c.batch_size * recipe.model.context,
    )


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
