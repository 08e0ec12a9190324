"""What both trainings share: a course laid by the clock, so that any machine ends in the time it is given."""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from models.training.speakers.pool import Pool


@dataclass
class Course:
    """`done` rises from 0 to 1 in so many minutes."""

    minutes: float
    peak: float
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> float:
        return (time.monotonic() - self.began) / 60 / self.minutes

    def steps(self, optimizer: torch.optim.Optimizer) -> Iterator[int]:
        """Numbers of steps, with the rate of each set: a short rise, then half a cosine."""
        number = 0
        while (done := self.done) < 1:
            rate = self.peak * min(1.0, (number + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            yield number
            number += 1


def step(optimizer: torch.optim.Optimizer, loss: torch.Tensor, parameters: list[nn.Parameter]) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, 2.0)
    optimizer.step()


def begin(doc: str | None, train: Callable[[Pool, Path, float], None]) -> None:
    """The command line of a training: a pool, where the weights go, how long, on how many cores."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(Pool.open(given.pool), given.out, given.minutes)
