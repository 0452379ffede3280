from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.conftest import MakeModel
from tests.tilelli.engine.conftest import IDS, SHAPES, assert_same
from tilelli.engine import compiled as engine
from tilelli.engine.loaded import compiled


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@torch.no_grad()
def test_it_reads_as_the_model_does(tiny: MakeModel, shape: dict[str, Any], machine_code: Callable[..., None]) -> None:
    model = tiny(**shape)
    assert_same(engine.read(compiled(model), IDS)[0].logits, model(torch.tensor([IDS]))[0][0].numpy())


@torch.no_grad()
def test_some_of_the_conversations_go_on_by_mask_or_by_number(tiny: MakeModel) -> None:
    model, text = tiny(), torch.tensor([IDS[start : start + 6] for start in range(3)])
    _, state = model(text)
    by_mask, by_number = state.only(torch.tensor([True, False, True])), state.only(torch.tensor([0, 2]))
    found = [model(torch.tensor([[1], [2]]), rows)[0] for rows in (by_mask, by_number)]
    torch.testing.assert_close(*found)
    alone = model(torch.tensor([[2]]), model(text[2:])[1])[0]
    torch.testing.assert_close(found[0][1:], alone, atol=1e-5, rtol=1e-5)
