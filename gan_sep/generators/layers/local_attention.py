"""Attention that prefers near time steps: the window of each head and query is learned."""

import math

import torch
from torch import Tensor, nn

DECAYS = 4  # slopes that a query chooses from


class LocalAttention(nn.Module):
    """x + multi-head attention over time with a learned penalty on distance: (B, C, T) -> same.

    The score of query i and key j is q_i k_j / sqrt(C / heads) - slope_i |i - j|, and -100 where
    i = j: a step does not attend to itself. The slope is the sum over d = 1..4 of
    d sigmoid(decay_d(x_i)) / 4.
    Source: Défossez, "Hybrid Spectrogram and Waveform Source Separation", 2021.
    """

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels: expected a multiple of {heads} heads, got {channels}")
        self.heads = heads
        self.content = nn.Conv1d(channels, channels, 1)
        self.query = nn.Conv1d(channels, channels, 1)
        self.key = nn.Conv1d(channels, channels, 1)
        self.query_decay = nn.Conv1d(channels, heads * DECAYS, 1)
        with torch.no_grad():
            self.query_decay.weight.mul_(0.01)
            assert self.query_decay.bias is not None
            nn.init.constant_(self.query_decay.bias, -2)
        self.proj = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        T = x.shape[-1]
        query, key, content, decay = (
            layer(x).unflatten(1, (self.heads, -1))  # (B, heads, C / heads, T)
            for layer in (self.query, self.key, self.content, self.query_decay)
        )
        rates = torch.arange(1, DECAYS + 1, dtype=decay.dtype, device=x.device)
        slopes = (decay.sigmoid() * rates[:, None]).sum(2) / (
            2 * math.sqrt(DECAYS)
        )  # (B, heads, T)
        steps = torch.arange(T, dtype=decay.dtype, device=x.device)
        distance = (steps[:, None] - steps).abs()  # (T, T)
        scores = query.transpose(2, 3) @ key / math.sqrt(query.shape[2])  # (B, heads, T, T)
        scores = scores - slopes[..., None] * distance
        itself = torch.eye(T, dtype=torch.bool, device=x.device)
        weights = scores.masked_fill(itself, -100).softmax(-1)
        attended = content @ weights.transpose(2, 3)  # (B, heads, C / heads, T)
        return x + self.proj(attended.flatten(1, 2))
