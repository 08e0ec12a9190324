"""Trains the segmentation: who of up to three speaks in each 20 ms of ten seconds.

    python -m models.training.speakers.segmentation build/speakers build/segmentation.pt [--minutes 60]

Two losses. The classes are pyannote.audio's powerset (Plaquet and Bredin, 2023), whichever way of numbering the
speakers fits best, mixed at first with the order of their first sound, which is one way and so teaches sooner. And
the person of each frame in which one speaks alone, asked of the middle of the network: it learns to hear voices in
hundreds of steps, where the first loss alone needs thousands to find out that voices are what matters.
"""

import itertools
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from models.training.pipeline_folder import slots
from models.training.speakers.course import Course, begin, step
from models.training.speakers.pool import Pool
from models.training.speakers.windows import Batch, Windows
from worker.engines.pyannote.networks import SmallSegmentation

from pyannote.audio.utils.powerset import Powerset  # isort: skip - after ours, which lets it load

SLOTS, TOGETHER, SECONDS = 3, 2, 10.0
ORDERS = list(itertools.permutations(range(SLOTS)))
"""All ways to number the speakers."""
BATCH = 32
PEAK = 1e-3
AHEAD = 1
"""Labels from a frame's number to the 20 ms of its middle: it lies 520 samples after the frame's first."""


def network() -> SmallSegmentation:
    made = SmallSegmentation()
    made.specifications = slots(SLOTS, SECONDS, TOGETHER)
    made.setup()
    return made


class Losses:
    def __init__(self, persons: int, width: int) -> None:
        self.who = nn.Linear(width, persons)
        self._powerset = Powerset(SLOTS, TOGETHER)

    def __call__(self, model: SmallSegmentation, batch: Batch, done: float) -> tuple[torch.Tensor, torch.Tensor]:
        """(of the classes, of the persons)."""
        with torch.autocast("cpu", torch.bfloat16):
            fine, middle = model.frames(batch.samples[:, None])
            scores, voices = model.classifier(fine), self.who(middle)
        scores = functional.log_softmax(scores.float(), dim=-1)
        active = batch.active[:, AHEAD : AHEAD + scores.shape[1]]
        return self._classes(scores, active[..., :SLOTS].float(), done), self._persons(voices, active, batch.persons)

    def _classes(self, scores: torch.Tensor, active: torch.Tensor, done: float) -> torch.Tensor:
        active = active * (active.cumsum(dim=-1) <= TOGETHER)  # of three at once, two
        found = torch.stack([self._of(scores, active[..., order]) for order in ORDERS])
        ordered = max(0.0, 0.5 - 2 * done)
        return (ordered * found[0] + (1 - ordered) * found.amin(dim=0)).mean()

    def _of(self, scores: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """(windows,)"""
        wanted = self._powerset.to_powerset(active).argmax(dim=-1)
        return functional.nll_loss(scores.transpose(1, 2), wanted, reduction="none").mean(dim=1)

    def _persons(self, voices: torch.Tensor, active: torch.Tensor, persons: torch.Tensor) -> torch.Tensor:
        coarse = active[:, ::2][:, : voices.shape[1]]
        alone = coarse.sum(dim=-1) == 1
        wanted = torch.gather(persons, 1, coarse.float().argmax(dim=-1))
        return functional.cross_entropy(voices[alone].float(), wanted[alone])


@torch.no_grad()
def errors(model: SmallSegmentation, batches: list[Batch]) -> float:
    """Share of speech that is missed, false or another's: DER of each window by itself, in its best order."""
    model.eval()
    powerset = Powerset(SLOTS, TOGETHER)
    wrong, spoken = 0.0, 0.0
    for batch in batches:
        heard = powerset(model(batch.samples[:, None]))
        active = batch.active[:, AHEAD : AHEAD + heard.shape[1], :SLOTS].float()
        count = torch.maximum(heard.sum(-1), active.sum(-1)).sum(-1)
        right = torch.stack([(heard * active[..., order]).sum((1, 2)) for order in ORDERS]).amax(0)
        wrong, spoken = wrong + float((count - right).sum()), spoken + float(active.sum())
    model.train()
    return wrong / spoken


def train(pool: Pool, out: Path, minutes: float, seed: int = 0) -> None:
    torch.manual_seed(seed)
    model = network()
    losses = Losses(int(pool.persons.max()) + 1, model.hparams.width)
    parameters = [*model.parameters(), *losses.who.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK, weight_decay=0.01)
    training = Windows(pool, SECONDS + 0.02, seed, SLOTS)
    held = Windows(pool, SECONDS + 0.02, 10_000, SLOTS)
    probe = [_exact(held.draw(16)) for _ in range(4)]
    course, began = Course(minutes, PEAK), time.monotonic()
    for number in course.steps(optimizer):
        classes, persons = losses(model, _exact(training.draw(BATCH)), course.done)
        step(optimizer, classes + 0.3 * persons, parameters)
        if number % 50 == 0:
            told = f"step {number} classes {classes.item():.3f} persons {persons.item():.3f}"
            if number % 200 == 0:
                told += f" error in a window {errors(model, probe):.1%}"
                torch.save(model.state_dict(), out)
            print(f"{(time.monotonic() - began) / 60:.1f} min {told}", flush=True)
    torch.save(model.state_dict(), out)
    print(f"at the end: error in a window {errors(model, probe):.1%}")


def _exact(batch: Batch) -> Batch:
    """The labels reach a frame further than the sound."""
    return Batch(batch.samples[:, : round(SECONDS * 16_000)].contiguous(), batch.active, batch.persons)


if __name__ == "__main__":
    begin(__doc__, train)
