"""Tiny byte-level language models whose blocks route every byte over three pathways.

from tilelli import TilelliLM, ByteTokenizer
tok = ByteTokenizer()
lm = TilelliLM.from_pretrained("tilelli/mini")
print(tok.decode(lm.generate(tok.encode("Once upon a time"), max_new=128)))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilelli.config import ModelConfig
    from tilelli.model import TilelliLM
    from tilelli.tokenizer import ByteTokenizer
    from tilelli.vanilla import VanillaLM

__version__ = "0.1.0"
__all__ = ["ByteTokenizer", "ModelConfig", "TilelliLM", "VanillaLM", "__version__"]

_HOMES = {"ByteTokenizer": "tokenizer", "ModelConfig": "config", "TilelliLM": "model", "VanillaLM": "vanilla"}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that reading a header or a config does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tilelli' has no attribute {name!r}")
    return getattr(import_module(f"tilelli.{_HOMES[name]}"), name)
