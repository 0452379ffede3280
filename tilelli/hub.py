"""Checkpoints from a model hub, and whether it can be reached: a clear word when there is no network."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

from tilelli.errors import CheckpointError

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def download(name: str, weights: tuple[str, ...], beside: tuple[str, ...], bundled: list[str]) -> Path:
    """Fetch a checkpoint of the hub repository `name` into the library's cache; returns the path of its weights.

    Args:
        name: `owner/name`.
        weights: files of which the first that exists is taken.
        beside: files that are taken too if they are there.
        bundled: names to suggest when nothing can be fetched.

    Raises:
        CheckpointError: `name` is no hub name, the hub has no such file, or cannot be reached.
    """
    here = f"Bundled, and always there: {', '.join(bundled) or 'none'}."
    if not HUB_NAME.fullmatch(name):
        raise CheckpointError("There is no such checkpoint", name, f"Name a folder, a file or a hub name. {here}")
    offline = not online()
    try:
        path = next((path for file in weights if (path := _fetch(name, file, offline))), None)
        for file in beside if path else ():
            _fetch(name, file, offline)
    except Exception as error:  # the client raises many kinds; to the user all mean: not to be had now
        raise CheckpointError(
            "The hub did not give the checkpoint", f"{name} ({type(error).__name__})", here
        ) from error
    if path is None and offline:
        happened = "The checkpoint is neither bundled nor on this disk, and the hub cannot be reached"
        raise CheckpointError(happened, name, here)
    if path is None:
        raise CheckpointError("The hub repository holds no checkpoint", f"{name} without {' or '.join(weights)}", here)
    return path


def _fetch(name: str, file: str, offline: bool) -> Path | None:
    """One file of a repository, or None where there is none."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, etag_timeout=5, local_files_only=offline))
    except EntryNotFoundError:
        return None


def online() -> bool:
    """Whether the hub can be reached and may be; asked once, since its client would try each file six times."""
    from huggingface_hub import constants

    return not constants.is_offline_mode() and _reachable(constants.ENDPOINT)


def _reachable(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), timeout=3):
            return True
    except OSError:
        return False
