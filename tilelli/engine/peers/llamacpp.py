"""llama.cpp, through its own functions, with no Python between two bytes but a call.

Its stand-in is a Llama whose weights are -1, 0 and +1 times a scale, written as GGUF and brought into one of its types
by its own quantizer, which keeps the embedding at 6 bits where weights get 2.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tilelli.engine.peers import Model, Write, install
from tilelli.engine.peers.shape import Llama, llama
from tilelli.errors import InputError
from tilelli.tokenizer import VOCABULARY

BEST = "TQ2_0"
LONGEST = 2**16  # bytes read in one call, if the context holds them


def missing() -> str:
    return install.missing("llama.cpp")


def make(kind: str, parameters: int, places: int, folder: Path) -> Model:
    said, shape = "" if kind else f", {BEST}", llama(parameters)
    kind = kind or BEST
    plain, path = folder / "F32.gguf", folder / f"{kind}.gguf"
    _write(shape, places, plain)
    if kind != "F32":
        library = _library()
        settings = library.llama_model_quantize_default_params()
        settings.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{kind}")
        if library.llama_model_quantize(str(plain).encode(), str(path).encode(), settings):
            raise InputError("llama.cpp does not quantize", kind, "Use another of its types.")
    return Model(str(path), f"{shape}{said}")


def load(model: str, threads: int) -> Write:
    library = _library()
    library.llama_backend_init()
    loaded = library.llama_model_load_from_file(model.encode(), library.llama_model_default_params())
    settings = library.llama_context_default_params()
    settings.n_ctx, settings.n_batch = 0, LONGEST  # 0: as long as the model's
    settings.n_threads = settings.n_threads_batch = threads
    context = library.llama_init_from_model(loaded, settings) if loaded else None
    if not context:
        raise InputError("llama.cpp does not load its model", model, "Install it anew.")
    likeliest = library.llama_sampler_init_greedy()

    def write(prompt: Sequence[int], number: int, say: Callable[[int], None]) -> None:
        library.llama_memory_clear(library.llama_get_memory(context), True)
        new = (ctypes.c_int32 * len(prompt))(*prompt)
        for _ in range(number):
            if library.llama_decode(context, library.llama_batch_get_one(new, len(new))):
                raise InputError("llama.cpp does not read on", f"{len(new)} bytes", "Use a shorter prompt.")
            new = (ctypes.c_int32 * 1)(library.llama_sampler_sample(likeliest, context, -1))
            say(new[0])

    return write


def _library() -> Any:
    """The functions of llama.cpp, with nothing of what they print."""
    import llama_cpp  # type: ignore[import-not-found]

    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p())
    llama_cpp.silent = silent  # kept for as long as it may be called
    return llama_cpp


def _write(shape: Llama, places: int, path: Path) -> None:
    """The stand-in as GGUF, in float32."""
    import gguf  # type: ignore[import-not-found]

    file = gguf.GGUFWriter(str(path), "llama")
    file.add_vocab_size(VOCABULARY)
    file.add_tokenizer_model("none")
    file.add_context_length(places)
    file.add_embedding_length(shape.width)
    file.add_block_count(shape.layers)
    file.add_feed_forward_length(shape.hidden)
    file.add_head_count(shape.inner // shape.head)
    file.add_head_count_kv(shape.keys // shape.head)
    file.add_key_length(shape.head)
    file.add_value_length(shape.head)
    file.add_rope_dimension_count(shape.head)
    file.add_layer_norm_rms_eps(1e-5)
    for name, weights in _tensors(shape):
        file.add_tensor(f"{name}.weight", weights)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def _tensors(shape: Llama) -> Iterator[tuple[str, Any]]:
    """Name and weights of every tensor: (outputs, inputs), or (D,) of a norm."""
    chance, D = np.random.default_rng(0), shape.width

    def trits(rows: int, columns: int) -> Any:
        return chance.integers(-1, 2, (rows, columns)).astype(np.float32) * np.float32(columns**-0.5)

    yield "token_embd", trits(VOCABULARY, D)
    for layer in range(shape.layers):
        own = f"blk.{layer}."
        yield f"{own}attn_norm", np.ones(D, np.float32)
        yield f"{own}attn_q", trits(shape.inner, D)
        yield f"{own}attn_k", trits(shape.keys, D)
        yield f"{own}attn_v", trits(shape.keys, D)
        yield f"{own}attn_output", trits(D, shape.inner)
        yield f"{own}ffn_norm", np.ones(D, np.float32)
        yield f"{own}ffn_gate", trits(shape.hidden, D)
        yield f"{own}ffn_up", trits(shape.hidden, D)
        yield f"{own}ffn_down", trits(D, shape.hidden)
    yield "output_norm", np.ones(D, np.float32)
