"""Tiny byte-level language models whose blocks route every byte over three pathways.

from tilelli import TilelliLM, ByteTokenizer
tok = ByteTokenizer()
lm = TilelliLM.from_pretrained("tilelli/mini")
print(tok.decode(lm.generate(tok.encode("Once upon a time"), max_new=128)))
"""

from tilelli.config import ModelConfig
from tilelli.model import TilelliLM
from tilelli.tokenizer import ByteTokenizer
from tilelli.vanilla import VanillaLM

__version__ = "0.1.0"
__all__ = ["ByteTokenizer", "ModelConfig", "TilelliLM", "VanillaLM", "__version__"]
