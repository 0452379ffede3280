"""Transformers: `generate()` with its cache, greedily, on a Llama with random weights in float32."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tilelli.engine.peers import Model, Write, install
from tilelli.engine.peers.shape import llama
from tilelli.tokenizer import VOCABULARY


def missing() -> str:
    return install.missing("hf")


def make(kind: str, parameters: int, places: int, folder: Path) -> Model:
    library, shape = _library(), llama(parameters)
    config = library.LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        intermediate_size=shape.hidden,
        num_attention_heads=shape.inner // shape.head,
        num_key_value_heads=shape.keys // shape.head,
        head_dim=shape.head,
        max_position_embeddings=places,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,  # every byte is only a byte
    )
    library.LlamaForCausalLM(config).save_pretrained(folder)
    return Model(str(folder), f"{shape}, float32")


def load(model: str, threads: int) -> Write:
    import torch

    torch.set_num_threads(threads)
    loaded = _library().AutoModelForCausalLM.from_pretrained(model).eval()

    def write(prompt: Sequence[int], number: int, say: Callable[[int], None]) -> None:
        ids = torch.tensor([list(prompt)])
        heard = Heard(say)
        loaded.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=number, do_sample=False, streamer=heard
        )

    return write


def _library() -> Any:
    """The package, without its bars."""
    import transformers  # type: ignore[import-not-found]

    transformers.utils.logging.disable_progress_bar()
    return transformers


class Heard:
    """What `generate` tells as it goes: the prompt, then byte after byte."""

    def __init__(self, say: Callable[[int], None]) -> None:
        self._say, self._begun = say, False

    def put(self, ids: Any) -> None:
        if self._begun:
            self._say(int(ids[0]))
        self._begun = True

    def end(self) -> None:
        """The text is written."""
