"""The storeys of the house: imports go one way, and importing is quiet."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def imports(folder: str) -> set[str]:
    """Every package that a file under `folder` imports, at its top or inside a function."""
    names: set[str] = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    ("storey", "above"),
    [
        ("tilelli", {"probes", "app", "streamlit", "plotly", "pandas", "tests"}),
        ("probes", {"app", "streamlit", "plotly", "tests"}),
        ("app/figures", {"streamlit", "torch", "tests"}),
        ("app", {"tests"}),
    ],
)
def test_a_storey_imports_nothing_from_above(storey: str, above: set[str]) -> None:
    assert (ROOT / storey).is_dir()
    assert imports(storey) & above == set()


def test_imports_are_seen_wherever_they_stand() -> None:
    assert {"torch", "numpy", "safetensors", "huggingface_hub", "datasets", "yaml", "tqdm", "tilelli"} <= imports(
        "tilelli"
    )


QUIET = """
import logging, os, signal, sys, warnings
import torch

def settings():
    return {
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "arithmetic": (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_float32_matmul_precision()),
        "device": torch.get_default_device(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "randomness": torch.get_rng_state().tolist(),
        "loggers": (logging.root.level, list(logging.root.handlers)),
        "filters": list(warnings.filters),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }

def watch(event, arguments):
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise SystemExit(f"wrote to {arguments[0]}")
    if event in ("socket.connect", "os.mkdir", "os.remove", "subprocess.Popen"):
        raise SystemExit(f"{event} {arguments}")

before = settings()
sys.addaudithook(watch)
import tilelli
for name in tilelli.__all__:
    getattr(tilelli, name)
import tilelli.checkpoint, tilelli.evaluation, tilelli.generation, tilelli.trace, tilelli.__main__
after = settings()
assert before == after, [key for key in before if before[key] != after[key]]
for heavy in ("datasets", "huggingface_hub", "streamlit", "pandas"):
    assert heavy not in sys.modules, heavy
"""

LIGHT = """
import sys
import tilelli.header, tilelli.config, tilelli.tokenizer, tilelli.engine.plain, tilelli.__main__
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("script", [QUIET, LIGHT], ids=["quiet", "light"])
def test_importing_touches_no_setting_no_disk_and_no_network(script: str) -> None:
    done = subprocess.run([sys.executable, "-B", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_public_name_that_does_not_exist_is_refused_like_any_other() -> None:
    import tilelli

    with pytest.raises(AttributeError, match="module 'tilelli' has no attribute 'TilelliXL'"):
        tilelli.TilelliXL  # noqa: B018
