"""What a model paid for learning to chat: bits per byte on plain text, over those of the model it began as.

Both read the same documents; documents are resampled for the interval. This module knows nothing of chat.
"""

from collections.abc import Callable, Sequence

from probes.metrics import Measured, ratio
from tilelli.base import ByteLM
from tilelli.checkpoint import weights_hash
from tilelli.errors import InputError
from tilelli.evaluation import evaluate


def over_base(
    tuned: ByteLM,
    base: ByteLM,
    documents: Sequence[bytes],
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Bits per byte of `tuned` over that of `base`: 1 is no change, 1.03 is 3 % worse.

    Raises:
        InputError: `tuned` says that it began as another model, or there is no text.
    """
    said = tuned.provenance.get("base")
    weights = said.get("weights") if isinstance(said, dict) else None
    if weights is not None and weights != weights_hash(base):
        seen = f"{weights_hash(base)[:12]}, where its provenance says {str(weights)[:12]}"
        raise InputError("The checkpoint was not tuned from this base", seen, "Name its base with --base.")
    texts = [document for document in documents if document]
    if not texts:
        raise InputError("There is no plain text to write", "0 bytes", "Name a file with --text.")
    after, before = (evaluate(model, texts, progress=progress) for model in (tuned, base))
    return ratio(after.bits, before.bits, seed)
