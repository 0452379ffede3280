"""What a tensor is called in sentences and pictures, where blocks count from 1. It needs no torch."""


def spoken(name: str) -> str:
    """`blocks.0.dense.up.weight` -> `block 1 dense.up`."""
    parts = name.removesuffix(".weight").split(".")
    if parts[0] == "blocks" and len(parts) > 2:
        return f"block {int(parts[1]) + 1} {'.'.join(parts[2:])}"
    return ".".join(parts)
