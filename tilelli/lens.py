"""What would the model say if it stopped here? The logit lens: the stream after each block, read out as if it were
the last.

(nostalgebraist 2020, "interpreting GPT: the logit lens".) The same norm and the same head as at the end, put on the
stream between the blocks. It shows at which block a guess appears; what it shows of early blocks is a reading in a
language they were not trained to speak, and should be taken as a hint.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.interventions import Change
from tilelli.tokenizer import check_bytes
from tilelli.trace import Recorder


@torch.no_grad()
def lens(model: ByteLM, ids: Sequence[int], interventions: Sequence[Change] = ()) -> Tensor:
    """(L + 1, T, 256): distributions over the byte after each of `ids`, before the first block and after each.

    The last of them is the model's own.

    Raises:
        InputError: there is no byte, one is not in 0..255, or there are more than the context holds; or an intervention
            finds nothing to change.
    """
    text = check_bytes(ids)
    if not text:
        raise InputError("There is nothing to read", "an empty text", "Give at least one byte.")
    seen = Recorder(attention=False, stream=True)
    model(torch.tensor([text]), trace=seen, interventions=interventions)
    return early(model, torch.stack(seen.residuals)[:, 0]).cpu()


def early(model: ByteLM, stream: Tensor) -> Tensor:
    """The residual stream (..., d_model) between any two blocks, read out as if it were the last: (..., 256)."""
    return model.read_out(model.norm(stream)).float().softmax(dim=-1)
