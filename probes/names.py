"""What tensors, bytes, shares and changes are called in sentences and pictures. It needs no torch."""

from probes.metrics import Measured

BYTES = {0x00: "the end of the document", 0x09: "the tab", 0x0A: "the new line", 0x20: "the space"}


def spoken(name: str) -> str:
    """`blocks.0.dense.up.weight` -> `block 1 dense.up`; blocks count from 1 wherever they are read."""
    parts = name.removesuffix(".weight").split(".")
    if parts[0] == "blocks" and len(parts) > 2:
        return f"block {int(parts[1]) + 1} {'.'.join(parts[2:])}"
    return ".".join(parts)


def called(byte: int) -> str:
    """A byte in words that fit into a sentence: “e”, the space, the new line, byte C3."""
    if byte in BYTES:
        return BYTES[byte]
    return f"“{chr(byte)}”" if 0x20 < byte < 0x7F else f"byte {byte:02X}"


def percent(share: float) -> str:
    """Two digits that say something: 43 %, 4.3 %, 0.043 %."""
    if share >= 0.0995:
        return f"{100 * share:.0f} %"
    return f"{100 * share:.2g} %" if share >= 1e-5 else "less than 0.001 %"


def signed(value: float, digits: int = 3) -> str:
    """`+0.412`, `−0.050`; what is smaller than the last digit is `0`."""
    return "0" if abs(value) < 0.5 * 10**-digits else f"{value:+.{digits}f}".replace("-", "−")


def measured(change: Measured, unit: str = "bpb") -> str:
    """`+0.412 bpb [+0.301, +0.523]`, without the brackets where there is no interval."""
    if change.value is None:
        return "undefined"
    ends = "" if change.low is None or change.high is None else f" [{signed(change.low)}, {signed(change.high)}]"
    return f"{signed(change.value)} {unit}{ends}"


def interval(found: Measured, digits: int = 2) -> str:
    """`4.21 [3.90, 4.52]`, without the brackets where there is no interval."""
    if found.value is None:
        return "undefined"
    ends = "" if found.low is None or found.high is None else f" [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.value:.{digits}f}{ends}"


def shares(found: Measured) -> str:
    """A share in percent with its interval: `43 % [31 %, 56 %]`."""
    if found.value is None:
        return "an undefined share"
    ends = "" if found.low is None or found.high is None else f" [{_percent(found.low)}, {_percent(found.high)}]"
    return f"{_percent(found.value)}{ends}"


def _percent(share: float) -> str:
    return percent(share) if share > 0 else "0 %"
