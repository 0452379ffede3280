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
from tilelli.interventions import Change
from tilelli.trace import Recorder


@torch.no_grad()
def lens(model: ByteLM, ids: Sequence[int], interventions: Sequence[Change] = ()) -> Tensor:
    """(L + 1, T, 256): distributions over the byte after each of `ids`, before the first block and after each.

    The last of them is the model's own.

    Raises:
        InputError: the text is longer than the context, or an intervention finds nothing to change.
    """
    seen = Recorder(attention=False, stream=True)
    model(torch.tensor([list(ids)]), trace=seen, interventions=interventions)
    return model.read_out(model.norm(torch.stack(seen.residuals)[:, 0])).float().softmax(dim=-1).cpu()
