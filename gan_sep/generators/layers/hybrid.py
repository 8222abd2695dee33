"""The U-Net of Hybrid Demucs: one branch on the spectrogram, one on the waveform, summed."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from gan_sep.fast.complex_channels import spectrogram, waveform
from gan_sep.fast.norms import normalized
from gan_sep.generators.layers.dconv import Branches
from gan_sep.generators.layers.hybrid_layers import (
    DecoderLayer,
    EncoderLayer,
    FrequencyEmbedding,
    Shape,
)
from gan_sep.generators.layers.rescaling import rescale_convolutions
from gan_sep.ranges import at_least, positive


@dataclass(frozen=True)
class HybridConfig:
    """What both networks of the family offer."""

    channels: int = 48  # of the outermost layers
    growth: int = 2  # channels of a layer per channel of the layer outside of it
    depth: int = 6  # layers
    n_fft: int = 4096  # of the spectrogram; its hop is a quarter
    kernel: int = 8  # of the strided convolutions
    stride: int = 4  # in bins of the spectrogram and in samples of the waveform
    norm_starts: int = 4  # layers from this one on have group norms
    norm_groups: int = 4  # of these norms
    branches: Literal["none", "encoder", "decoder", "both"] = "encoder"  # where residual ones are
    branch_depth: int = 2  # residual branches of a layer, of dilation 1, 2, 4, ...
    compression: int = 4  # channels of a layer per channel of its residual branches
    layer_scale: float = 1e-3  # initial factor of each residual branch
    frequency_embedding: float = 0.2  # strength of the vector added for each bin; 0 for none
    rescale: float | None = 0.1  # standard deviation that initial convolutions are drawn towards

    def __post_init__(self) -> None:
        at_least(1, self, "channels", "growth", "depth", "stride", "norm_groups", "branch_depth")
        if self.kernel % 4 or self.kernel != 2 * self.stride:
            raise ValueError(
                f"kernel: expected twice the stride of {self.stride} and a multiple of 4, "
                f"got {self.kernel}"
            )
        if self.n_fft < 16 or self.n_fft % 4:
            raise ValueError(f"n_fft: expected a multiple of 4 from 16 on, got {self.n_fft}")
        # A norm of one channel over one frame has no deviation to divide by.
        if not 1 <= self.compression <= self.channels // 2:
            raise ValueError(
                f"compression: expected 1 to half of the {self.channels} channels, "
                f"got {self.compression}"
            )
        positive(self, "rescale")


class HybridUNet(nn.Module):
    """Mixture (B, C, T) -> estimates (B, S, C, T), any T >= 1.

    A network of the family gives the spectral layers' shapes and the time layers' shapes, outermost
    first, and says in `middle` what lies between encoder and decoder. Each branch is brought to
    mean 0 and standard deviation 1 of an item, and its output back.
    """

    def __init__(
        self, config: HybridConfig, spectral: list[Shape], time: list[Shape], sources: int
    ) -> None:
        super().__init__()
        self.n_fft = config.n_fft
        self.num_sources = sources
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        self.tencoder, self.tdecoder = nn.ModuleList(), nn.ModuleList()
        self.freq_emb = None
        for index, shape in enumerate(spectral):
            self.encoder.append(_encoder(config, shape))
            if index < len(time):
                self.tencoder.append(_encoder(config, time[index]))
            self.decoder.insert(0, _decoder(config, shape, index, sources))
            if index < len(time):
                self.tdecoder.insert(0, _decoder(config, time[index], index, sources))
            if index == 0 and config.frequency_embedding:
                bins = config.n_fft // 2 // config.stride
                weight = config.frequency_embedding
                self.freq_emb = FrequencyEmbedding(bins, shape.inner, weight)
        if config.rescale is not None:
            rescale_convolutions(self, config.rescale)

    def middle(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        """From the innermost encoders' outputs to the innermost decoders' inputs.

        (B, F, N, C), (B, 1, T, C) -> the same shapes.
        """
        raise NotImplementedError

    def forward(self, mixture: Tensor) -> Tensor:
        """mixture: (B, C, T) -> estimates (B, S, C, T)."""
        x, mean, std = normalized(spectrogram(mixture, self.n_fft))  # (B, F, N, 2 C)
        xt, mean_t, std_t = normalized(mixture.transpose(1, 2)[:, None])  # (B, 1, T, C)
        x, xt = self._unet(x, xt)  # (B, F, N, S * 2 C), (B, 1, T, S * C)
        # Mean and deviation are given back to the waveform, which has half the values.
        T = mixture.shape[-1]
        constant = waveform(x.new_ones(1, *x.shape[1:3], 2), T)  # (1, 1, T)
        spectral = waveform(x, T) * std[:, :, 0] + constant * mean[:, :, 0]  # (B, S * C, T)
        temporal = (xt * std_t + mean_t)[:, 0].transpose(1, 2)  # (B, S * C, T)
        return (spectral + temporal).unflatten(1, (self.num_sources, -1))

    def _unet(self, x: Tensor, xt: Tensor) -> tuple[Tensor, Tensor]:
        skips, skips_t, lengths, lengths_t = [], [], [], []
        for index, encode in enumerate(self.encoder):
            inject = None
            lengths.append(x.shape[2])
            if index < len(self.tencoder):
                lengths_t.append(xt.shape[2])
                encode_t = self.tencoder[index]
                assert isinstance(encode_t, EncoderLayer)
                xt = encode_t(xt)
                skips_t.append(xt)
                if encode_t.shape.alone:
                    inject = skips_t.pop()
            x = encode(x, inject)
            if index == 0 and self.freq_emb is not None:
                x = self.freq_emb(x)
            skips.append(x)
        x, xt = self.middle(x, xt)
        first = len(self.decoder) - len(self.tdecoder)
        for index, decode in enumerate(self.decoder):
            x, before = decode(x, skips.pop(), lengths.pop())
            if index >= first:
                decode_t = self.tdecoder[index - first]
                assert isinstance(decode_t, DecoderLayer)
                if decode_t.shape.alone:
                    xt, _ = decode_t(before, None, lengths_t.pop())
                else:
                    xt, _ = decode_t(xt, skips_t.pop(), lengths_t.pop())
        return x, xt


def branches_of(config: HybridConfig, lstm: bool = False, attention: bool = False) -> Branches:
    """The residual branches of a layer."""
    return Branches(config.branch_depth, config.compression, config.layer_scale, lstm, attention)


def _encoder(config: HybridConfig, shape: Shape) -> EncoderLayer:
    has_branches = config.branches in ("encoder", "both")
    return EncoderLayer(shape if has_branches else shape.without_branches())


def _decoder(config: HybridConfig, shape: Shape, index: int, sources: int) -> DecoderLayer:
    has_branches = config.branches in ("decoder", "both")
    outputs = shape.outer * sources if index == 0 else shape.outer
    shape = shape if has_branches else shape.without_branches()
    return DecoderLayer(shape, outputs, outermost=index == 0)
