from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS, SHAPES
from tilelli.base import ByteLM
from tilelli.drafts import greedy, head_logits, read_prompts, tensor, written
from tilelli.engine import reader as module
from tilelli.engine.compiler import MACHINE
from tilelli.engine.reader import Reader, reader
from tilelli.errors import InputError

Kernel = Callable[..., None]
PROMPTS = [IDS[start : start + 6] for start in range(9)]


def said(model: ByteLM, reads: Any, max_new: int) -> tuple[list[list[int]], Any, Any]:
    """What is written after the prompts, what was read of them, and what the head makes of them."""
    rows: list[list[int]] = [[] for _ in PROMPTS]
    text = tensor(reads, PROMPTS)
    read = read_prompts(reads, text)
    for going, _, byte in written(reads, text, read, max_new, greedy):
        for row, value in zip(going.tolist(), byte.tolist(), strict=True):
            rows[row].append(value)
    return rows, read, head_logits(reads, text, read)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.no_grad()
def test_it_reads_and_writes_as_the_model_does(tiny: MakeModel, shape: dict[str, Any], machine_code: Kernel) -> None:
    model = tiny(**shape)
    reads = reader(model)
    assert isinstance(reads, Reader)
    for max_new in (5, 25):  # the window slides
        (text, read, heads), (expected, other, wanted) = said(model, reads, max_new), said(model, model, max_new)
        assert text == expected
        torch.testing.assert_close(read.logits, other.logits, atol=1e-4, rtol=1e-4)
        assert len(read.seen.router) == len(other.seen.router)
        for own, its in zip(read.seen.router, other.seen.router, strict=True):
            torch.testing.assert_close(own, its, atol=1e-4, rtol=1e-4)
        assert heads == (None if wanted is None else pytest.approx(wanted, abs=1e-4))


def test_where_there_is_no_machine_code_the_model_reads_itself(
    tiny: MakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise InputError("There is no machine code", "none", "Use another engine.")

    model = tiny()
    with monkeypatch.context() as patched:
        patched.setattr(MACHINE, "code", none)
        assert reader(model) is model
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert reader(model) is model


@torch.no_grad()
def test_some_of_the_conversations_go_on_by_mask_or_by_number(tiny: MakeModel, machine_code: Kernel) -> None:
    model = tiny()
    reads, text = reader(model), torch.tensor(PROMPTS[:3])
    for one in (reads, model):
        _, state = one(text)
        by_mask, by_number = state.only(torch.tensor([True, False, True])), state.only(torch.tensor([0, 2]))
        found = [one(torch.tensor([[1], [2]]), rows)[0] for rows in (by_mask, by_number)]
        torch.testing.assert_close(*found)
        alone = one(torch.tensor([[2]]), one(text[2:])[1])[0]
        torch.testing.assert_close(found[0][1:], alone, atol=1e-5, rtol=1e-5)
