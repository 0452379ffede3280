"""The command line: python -m probes run PROBE | sweep | history | report | reproduce | label | list.

What each probe asks and needs stands in `commands/`.
"""

import argparse
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from probes.commands import (
    ablation,
    abstain,
    attention,
    committee,
    compare,
    effect,
    history,
    label,
    listing,
    report,
    reproduce,
    routing,
    skipping,
    sweep,
    threshold,
    weights,
    xray,
)
from probes.commands.registered import command
from tilelli.commands.line import exit_code, offer, wait_calmly

PROBES: dict[str, Any] = {  # see inside, change it, compare it, ask it
    "routing": routing,
    "attention": attention,
    "weights": weights,
    "xray": xray,
    "effect": effect,
    "ablation": ablation,
    "skipping": skipping,
    "compare": compare,
    "abstain": abstain,
    "threshold": threshold,
    "calibration": command("calibration"),
    "metacognition": command("metacognition"),
    "committee": committee,
    "memorization": command("memorization"),
    "coverage": command("coverage"),
    "context": command("context"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m probes", description="Put questions to a model and measure.")
    ask = SimpleNamespace(
        TEXT="run a probe",
        EXAMPLE="abstain --checkpoint tilelli/mini-chat",
        add=lambda sub: offer(sub, "probe", PROBES),
        run=lambda options: PROBES[options.probe].run(options),
    )
    commands: dict[str, Any] = {"run": ask, "sweep": sweep, "history": history, "list": listing}
    commands |= {"report": report, "reproduce": reproduce, "label": label}
    offer(parser, "command", commands)
    options = parser.parse_args(arguments)
    return exit_code(lambda: commands[options.command].run(options))


if __name__ == "__main__":
    wait_calmly()
    sys.exit(main())
