"""Which machine this is: processor, cores, what it can do with vectors."""

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INSTRUCTIONS = (  # that multiply many small numbers at once, as Linux names them
    *("avx2", "avx_vnni", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_int8"),
    *("asimd", "asimddp", "i8mm", "sve"),
)


def machine() -> dict[str, Any]:
    """Processor, number of cores, what it can do with vectors, and the system."""
    told = dict(_told_of_processor())
    able = told.get("flags", told.get("Features", "")).split()
    return {
        "processor": told.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "instructions": [name for name in INSTRUCTIONS if name in able],
        "system": f"{platform.system()} {platform.machine()}",
    }


def _told_of_processor() -> Iterator[tuple[str, str]]:
    """What Linux tells of the first processor."""
    try:
        content = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in content.split("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()
