"""The block of Conv-TasNet.

In a block, two matrix products do nearly all of the arithmetic, and yet PyTorch's gradients of the
PReLU and of the dilated depthwise convolution take as long as these on a CPU: see `gan_sep.fast`.
"""

import torch
from torch import Tensor, nn

from gan_sep.fast.convolutions import convolve_depthwise
from gan_sep.fast.norms import prelu_global_norm


class TemporalBlock(nn.Module):
    """A residual block that looks at `kernel` frames, `dilation` apart: (B, C, N) -> (B, C, N).

    A 1x1 convolution to the hidden channels, PReLU, global layer norm, a convolution over time in
    each channel, PReLU, global layer norm, and a 1x1 convolution back.
    """

    def __init__(self, channels: int, hidden: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.expand = nn.Conv1d(channels, hidden, 1, bias=False)
        self.first = PReLUGlobalNorm(hidden)
        self.depthwise = DepthwiseConv(hidden, kernel, dilation)
        self.second = PReLUGlobalNorm(hidden)
        self.reduce = nn.Conv1d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(self.expand(x))  # (B, hidden, N)
        residual: Tensor = self.reduce(self.second(self.depthwise(hidden)))  # (B, C, N)
        return x + residual


class PReLUGlobalNorm(nn.Module):
    """PReLU of one slope, then layer norm over all channels and frames: (B, C, N) -> (B, C, N).

    The norm is the paper's gLN: mean and variance of an item of the batch, and a scale and a shift
    for each channel.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((1,), 0.25))
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return prelu_global_norm(x, self.slope, self.scale, self.shift)


class DepthwiseConv(nn.Module):
    """A dilated convolution over time in each channel alone, of silence at both ends.

    kernel: odd. (B, C, N) -> (B, C, N).
    """

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel))
        self.dilation = dilation
        nn.init.xavier_normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return convolve_depthwise(x, self.weight, self.dilation)
