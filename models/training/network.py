"""Whisper's architecture, small, with names as in Hugging Face's checkpoints.

Written out here, not imported, because training needs what the library hides: any input length,
the cross-attention of the last layer (taught to look where the word is said) and a phoneme head
on the encoder (dropped at export).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Up to here two matrix products beat PyTorch's fused attention on a CPU, whose backward pass is slow.
PLAIN_ATTENTION_POSITIONS = 1500


@dataclass(frozen=True)
class Shape:
    vocabulary: int
    phonemes: int
    width: int = 192
    heads: int = 3
    encoder_layers: int = 3
    decoder_layers: int = 2
    mels: int = 80
    positions: int = 1500
    tokens: int = 448


def sinusoids(length: int, channels: int) -> Tensor:
    """openai/whisper `sinusoids`."""
    scales = torch.exp(-math.log(10_000) / (channels // 2 - 1) * torch.arange(channels // 2))
    angles = torch.arange(length)[:, None] * scales[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(3))
        self.k_proj = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, source: Tensor | None = None, *, causal: bool = False, weights: bool = False):  # type: ignore[no-untyped-def]
        source = x if source is None else source
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for t in (self.q_proj(x), self.k_proj(source), self.v_proj(source))
        )
        if not weights and (causal or k.shape[2] > PLAIN_ATTENTION_POSITIONS):
            out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
            return self.out_proj(out.transpose(1, 2).flatten(2)), None
        scores = (q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2)
        out = scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v
        return self.out_proj(out.transpose(1, 2).flatten(2)), scores


class Block(nn.Module):
    def __init__(self, shape: Shape, *, decoder: bool) -> None:
        super().__init__()
        self.self_attn = Attention(shape.width, shape.heads)
        self.self_attn_layer_norm = nn.LayerNorm(shape.width)
        if decoder:
            self.encoder_attn = Attention(shape.width, shape.heads)
            self.encoder_attn_layer_norm = nn.LayerNorm(shape.width)
        self.decoder = decoder
        self.fc1 = nn.Linear(shape.width, 4 * shape.width)
        self.fc2 = nn.Linear(4 * shape.width, shape.width)
        self.final_layer_norm = nn.LayerNorm(shape.width)

    def forward(self, x: Tensor, source: Tensor | None = None, *, weights: bool = False, dropout: float = 0.0):  # type: ignore[no-untyped-def]
        def drop(t: Tensor) -> Tensor:
            return F.dropout(t, dropout, self.training)

        x = x + drop(self.self_attn(self.self_attn_layer_norm(x), causal=self.decoder)[0])
        scores = None
        if source is not None:
            crossed, scores = self.encoder_attn(self.encoder_attn_layer_norm(x), source, weights=weights)
            x = x + drop(crossed)
        return x + drop(self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))), scores


class Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(shape.mels, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(shape.positions, shape.width)
        self.embed_positions.weight.data = sinusoids(shape.positions, shape.width)
        self.embed_positions.weight.requires_grad_(False)
        self.layers = nn.ModuleList(Block(shape, decoder=False) for _ in range(shape.encoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, mel: Tensor, dropout: float = 0.0) -> Tensor:
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.embed_positions.weight[: x.shape[1]]
        for layer in self.layers:
            x, _ = layer(x, dropout=dropout)
        return self.layer_norm(x)


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.embed_positions = nn.Embedding(shape.tokens, shape.width)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        nn.init.normal_(self.embed_positions.weight, std=0.01)
        self.layers = nn.ModuleList(Block(shape, decoder=True) for _ in range(shape.decoder_layers))
        self.layer_norm = nn.LayerNorm(shape.width)

    def forward(self, tokens: Tensor, source: Tensor, dropout: float = 0.0) -> tuple[Tensor, Tensor]:
        """Logits (batch, tokens, vocabulary); the last layer's attention scores (batch, heads, tokens, frames)."""
        x = self.embed_tokens(tokens) + self.embed_positions.weight[: tokens.shape[1]]
        for index, layer in enumerate(self.layers):
            x, scores = layer(x, source, weights=index == len(self.layers) - 1, dropout=dropout)
        return F.linear(self.layer_norm(x), self.embed_tokens.weight), scores


class Whisper(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)
        self.phoneme_head = nn.Linear(shape.width, shape.phonemes)
        # Neighbouring timestamps begin as neighbours: the same sinusoids that mark the encoder's positions.
        with torch.no_grad():
            self.decoder.embed_tokens.weight[-1501:-1] = 0.02 * sinusoids(1500, shape.width)
