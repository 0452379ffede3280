"""One process or many, started by torchrun: who this process is, and what the group agrees on.

    torchrun --nproc-per-node 2 -m tilelli train ...

The batch of a step is divided among the processes, so that any number of them takes the same steps as one alone, to
rounding. Gradients are averaged by PyTorch's DistributedDataParallel: over gloo on processors, over nccl on GPUs. There
is no launcher here; torchrun starts the processes and ends all when one dies.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tilelli.data.batch import Batch
from tilelli.errors import TrainingError


@dataclass(frozen=True)
class Group:
    """This process among `size` that train together; `rank` 0 writes files and shows progress."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def main(self) -> bool:
        return self.rank == 0

    def divide(self, batch: Batch) -> Batch:
        """This process's rows of a step's batch, on its device."""
        return batch.share(self.rank, self.size, self.device)

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model as called in training: its gradients come out averaged over the group."""
        return DistributedDataParallel(model) if self.size > 1 else model

    def mean(self, value: Tensor) -> float:
        """Mean of a number that every process has."""
        value = value.detach().double()
        if self.size > 1:
            distributed.all_reduce(value)
        return float(value) / self.size

    def any(self, flag: bool) -> bool:
        """True where any process says so."""
        return flag if self.size == 1 else self.mean(torch.tensor(float(flag), device=self.device)) > 0

    def gather(self, value: Any) -> list[Any]:
        """What every process has, in the order of their ranks."""
        values = [value] * self.size
        if self.size > 1:
            distributed.all_gather_object(values, value)
        return values

    def wait(self) -> None:
        """Until all have come this far."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join() -> Iterator[Group]:
    """The group that torchrun started, or a group of one.

    Raises:
        TrainingError: torchrun asks for more GPU processes than there are GPUs.
    """
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            seen = f"process {local + 1} on {torch.cuda.device_count()} GPUs"
            raise TrainingError("There is no GPU for this process", seen, "Start fewer with --nproc-per-node.")
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    if size == 1:
        yield Group(device=device)
        return
    options: dict[str, Any] = {"device_id": device} if device.type == "cuda" else {}
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", **options)
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
