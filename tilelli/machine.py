"""What the package asks of the computer it runs on. It needs no torch."""

import os
import platform
from pathlib import Path


def described() -> str:
    """Processor, system and Python, as provenance tells them."""
    return f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def home() -> Path:
    """The user's data folder: `TILELLI_HOME`, or the platform's usual place."""
    usual = Path(os.environ.get("XDG_DATA_HOME", "~/.local/share")).expanduser() / "tilelli"
    return Path(os.environ.get("TILELLI_HOME", usual))
