"""Trains the embedding: with whose voice.

    python -m models.training.speakers.embedding build/speakers build/embedding.pt [--minutes 60]

As the pipeline will ask it: over windows of several speakers, whose mean spectrum is taken away, and of each the
frames in which it speaks. An additive angular margin (Deng et al., ArcFace, 2019) parts the persons.
"""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.training.pipeline_folder import voice
from models.training.speakers.course import Course, begin, step
from models.training.speakers.pool import SPEAKERS, Pool
from models.training.speakers.windows import Batch, Windows
from worker.engines.pyannote.networks import SmallEmbedding

SECONDS = 4.0
BATCH = 24
PEAK = 2e-3
MARGIN, SCALE = 0.2, 30.0
SHORTEST = 30
"""Labels, of 20 ms, that a person must be heard for."""
OVERLAPPING = 0.3
"""Share of speakers whose frames are taken where others speak too."""


def network() -> SmallEmbedding:
    made = SmallEmbedding()
    made.specifications = voice(10.0)
    made.setup()
    return made


def masks(batch: Batch, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(window of each, its frames (n, labels), its person), of all who are heard long enough."""
    active = batch.active
    single = active & (active.sum(dim=-1, keepdim=True) == 1)
    shared = torch.from_numpy(rng.random(batch.persons.shape) < OVERLAPPING)
    used = torch.where(shared[:, None], active, single)
    enough = (used.sum(dim=1) >= SHORTEST) & (batch.persons >= 0)
    windows, slots = enough.nonzero(as_tuple=True)
    return windows, used[windows, :, slots].float(), batch.persons[windows, slots]


def pooled(frames: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """pyannote.audio's statistics pooling, whose deviation has no slope where a channel is constant."""
    flat = frames.flatten(1, 2)
    weights = functional.interpolate(weights[:, None], size=flat.shape[-1], mode="nearest")
    total = weights.sum(dim=2) + 1e-8
    mean = (flat * weights).sum(dim=2) / total
    spread = (flat - mean[..., None]).square()
    variance = (spread * weights).sum(dim=2) / (total - weights.square().sum(dim=2) / total + 1e-8)
    return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)


class Margin(nn.Module):
    def __init__(self, size: int, persons: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(persons, size) * 0.05)

    def forward(self, found: torch.Tensor, persons: torch.Tensor, margin: float) -> tuple[torch.Tensor, float]:
        """(loss, share that is nearest to its own centre)."""
        cosines = functional.linear(functional.normalize(found), functional.normalize(self.centres))
        own = cosines.gather(1, persons[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        moved = own * math.cos(margin) - (1 - own.square()).sqrt() * math.sin(margin)
        scores = SCALE * cosines.scatter(1, persons[:, None], moved)
        return functional.cross_entropy(scores, persons), float((cosines.argmax(1) == persons).float().mean())


def train(pool: Pool, out: Path, minutes: float, seed: int = 0) -> None:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network()
    margin = Margin(int(model.dimension), int(pool.persons.max()) + 1)
    parameters = [*model.parameters(), *margin.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK, weight_decay=0.02)
    windows = Windows(pool, SECONDS, seed + 1, SPEAKERS)
    course, began, right = Course(minutes, PEAK), time.monotonic(), 0.0
    for number in course.steps(optimizer):
        batch = windows.draw(BATCH)
        which, weights, persons = masks(batch, rng)
        with torch.no_grad():
            spectra = model.compute_fbank(batch.samples[:, None])
        with torch.autocast("cpu", torch.bfloat16):
            frames = model.resnet.forward_frames(spectra)
        found = model.resnet.seg_1(pooled(frames.float()[which], weights))
        loss, share = margin(found, persons, MARGIN * min(1.0, course.done / 0.3))
        step(optimizer, loss, parameters)
        right = 0.98 * right + 0.02 * share
        if number % 50 == 0:
            print(
                f"{(time.monotonic() - began) / 60:.1f} min step {number} loss {loss.item():.3f} right {right:.1%}",
                flush=True,
            )
        if number % 200 == 0:
            torch.save(model.state_dict(), out)
    torch.save(model.state_dict(), out)


if __name__ == "__main__":
    begin(__doc__, train)
