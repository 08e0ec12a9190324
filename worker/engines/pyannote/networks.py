"""The networks of the demonstration diarizer: small, and in the shapes that pyannote.audio's pipeline asks for.

Their checkpoints name these classes, as those of pyannote.audio name its own. `models/training/speakers` trains them.
"""

import math

from worker.engines.pyannote import environment  # noqa: F401 - it must come before pyannote

# isort: split
import torch
import torchaudio
from pyannote.audio.core.model import Model
from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
from pyannote.audio.models.embedding.wespeaker.resnet import BasicBlock, ResNet
from torch import nn
from torch.nn import functional

RATE = 16_000
SPAN, HOP, FFT = 400, 160, 512
"""Of a spectrum, in samples: 25 ms each 10 ms."""
_FIRST, _SECOND = 5, 3
"""Widths of the two convolutions; each halves the frames."""


class SmallSegmentation(Model):
    """Who speaks in a window of some seconds: log-mel, two convolutions, attention at 40 ms, classes at 20 ms.

    Gulati et al., "Conformer" (2020), for the blocks; Fujita et al., "End-to-end neural speaker diarization with
    self-attention" (2019), for attention as what tells speakers apart.
    """

    def __init__(
        self,
        mels: int = 48,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        sample_rate: int = RATE,
        num_channels: int = 1,
        task: None = None,
    ) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        self.save_hyperparameters("mels", "width", "blocks", "heads")
        filters = torchaudio.functional.melscale_fbanks(FFT // 2 + 1, 20.0, sample_rate / 2, mels, sample_rate)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("span", torch.hann_window(SPAN), persistent=False)
        self.first = nn.Conv1d(mels, width, _FIRST, stride=2)
        self.second = nn.Conv1d(width, width, _SECOND, stride=2)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(blocks))
        self.last = nn.Conv1d(2 * width, width, 3, padding=1)

    @property
    def dimension(self) -> int:
        return int(self.specifications.num_powerset_classes)

    def build(self) -> None:
        self.classifier = nn.Linear(self.hparams.width, self.dimension)

    def num_frames(self, num_samples: int) -> int:
        spectra = (num_samples - SPAN) // HOP + 1
        halves = (spectra - _FIRST) // 2 + 1
        return 2 * ((halves - _SECOND) // 2 + 1)

    def receptive_field_size(self, num_frames: int = 1) -> int:
        """As if attention looked at nothing else: what a frame's place follows from."""
        return SPAN + (_FIRST - 1) * HOP + (num_frames - 1) * 2 * HOP

    def receptive_field_center(self, frame: int = 0) -> float:
        return frame * 2 * HOP + (self.receptive_field_size() - 1) / 2

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(batch, 1, samples) -> (batch, frames, classes), log probabilities."""
        return functional.log_softmax(self.classifier(self.frames(waveforms)[0]).float(), dim=-1)

    def frames(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the classes follow from, (batch, frames, width), and what the second block makes of half as many."""
        fine = functional.gelu(self.first(self._spectra(waveforms)))
        coarse = functional.gelu(self.second(fine)).transpose(1, 2)
        heard = coarse + _places(coarse)
        middle = heard
        for number, block in enumerate(self.blocks):
            heard = block(heard)
            middle = heard if number == 1 else middle
        wide = heard.transpose(1, 2).repeat_interleave(2, dim=2)
        both = torch.cat([wide, fine[:, :, : wide.shape[2]]], dim=1)
        return functional.gelu(self.last(both)).transpose(1, 2), middle

    def _spectra(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(batch, mels, frames): log-mel, each band's mean over the window taken away, so that the microphone is."""
        found = torch.stft(
            waveforms[:, 0].float(), FFT, HOP, SPAN, self.span, center=False, return_complex=True
        )[:, :, :]  # fmt: skip
        mels = torch.einsum("bft,fm->bmt", found.abs().square(), self.filters)
        logs = (mels + 1e-6).log()
        return (logs - logs.mean(dim=2, keepdim=True)) / 4


class _Block(nn.Module):
    """Attention, a convolution over half a second, two layers."""

    def __init__(self, width: int, heads: int, span: int = 15) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.local_norm, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.asked = nn.Linear(width, 3 * width)
        self.answered = nn.Linear(width, width)
        self.gate = nn.Linear(width, 2 * width)
        self.local = nn.Conv1d(width, width, span, padding=span // 2, groups=width)
        self.mixed = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        frames = frames + self._attended(self.attention_norm(frames))
        local = functional.glu(self.gate(self.local_norm(frames)), dim=-1).transpose(1, 2)
        frames = frames + self.mixed(functional.gelu(self.local(local)).transpose(1, 2))
        return frames + self.narrow(functional.gelu(self.wide(self.norm(frames))))

    def _attended(self, frames: torch.Tensor) -> torch.Tensor:
        batch, length, width = frames.shape
        parts = self.asked(frames).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(*parts.unbind(0))
        return self.answered(found.transpose(1, 2).reshape(batch, length, width))


def _places(frames: torch.Tensor) -> torch.Tensor:
    """Sines of a frame's place (Vaswani et al., 2017)."""
    _, length, width = frames.shape
    rates = torch.exp(torch.arange(0, width, 2, device=frames.device) * (-math.log(10_000.0) / width))
    angles = torch.arange(length, device=frames.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(frames.dtype)


class SmallEmbedding(BaseWeSpeakerResNet):
    """With whose voice: WeSpeaker's ResNet (Wang et al., 2023), one block a stage and half as many channels."""

    def __init__(
        self,
        num_mel_bins: int = 64,
        channels: int = 16,
        size: int = 128,
        sample_rate: int = RATE,
        num_channels: int = 1,
        task: None = None,
    ) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, num_mel_bins=num_mel_bins, task=task)
        self.save_hyperparameters("num_mel_bins", "channels", "size")
        self.resnet = ResNet(
            BasicBlock, [1, 1, 1, 1], m_channels=channels, feat_dim=num_mel_bins, embed_dim=size, two_emb_layer=False
        )
